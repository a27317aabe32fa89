//! What the names of keys begin with.

use std::{fmt, str::FromStr};

use paneld_base::InvalidValue;

/// What the names of all keys and channels begin with, so that several installations can share
/// a Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The prefix as text, with the colon at its end if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyPrefix {
    type Err = InvalidValue;

    /// Braces would decide over a key's place in a Cluster.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'{' | b'}');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidValue::new(
                "must be 1 to 64 visible ASCII characters other than braces",
            ))
        }
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_short_and_visible_and_has_no_braces() {
        assert_eq!("paneld:".parse::<KeyPrefix>().unwrap().as_str(), "paneld:");
        for text in ["", "a b", "é", "{a}", &"x".repeat(65)] {
            assert!(text.parse::<KeyPrefix>().is_err(), "{text}");
        }
    }
}
