//! Share links: a project's overview for whoever has the link.

use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{ClientId, InvalidValue, Name, ProjectId, ShareLinkId, Timestamp};

/// A link that shows the overview of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareLink {
    /// The id by which the Manage API names the link.
    pub id: ShareLinkId,
    /// The project that it shows.
    pub project_id: ProjectId,
    /// What the link is for, as whoever made it calls it.
    pub name: Name,
    /// Whether a password is needed, too.
    pub has_password: bool,
    /// The client that made it, and without which it shows nothing.
    pub created_by: ClientId,
    /// When the link was made.
    pub created_at: Timestamp,
    /// From when on it shows nothing any more; `None` is never.
    pub expires_at: Option<Timestamp>,
}

impl ShareLink {
    /// Whether its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// What people type to see what a link shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SharePassword(Zeroizing<String>);

impl SharePassword {
    /// The password as it was typed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for SharePassword {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = !text.contains(char::is_control);
        if is_plain && (8..=128).contains(&text.chars().count()) {
            Ok(Self(Zeroizing::new(text.to_owned())))
        } else {
            Err(InvalidValue::new(
                "must be 8 to 128 characters, without control characters",
            ))
        }
    }
}

impl std::fmt::Debug for SharePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharePassword(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_of_any_script_and_neither_short_nor_endless() {
        for good in ["12345678", "пароль пароль", &"x".repeat(128)] {
            assert!(good.parse::<SharePassword>().is_ok(), "{good}");
        }
        for bad in ["", "1234567", "1234567\u{7}8", &"x".repeat(129)] {
            assert!(bad.parse::<SharePassword>().is_err(), "{bad}");
        }
    }
}
