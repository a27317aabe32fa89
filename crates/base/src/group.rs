//! What is limited.

use std::fmt;

/// Requests that share token buckets: an API, or one kind of caller of it.
///
/// Its name is the name of the policy in `RateLimit` headers, the label of its metrics, and a part
/// of the names of its buckets in Redis. A group's buckets have room of their own: a crowd in one
/// group changes nothing in another.
///
/// ```
/// use paneld_base::LimitGroup;
///
/// const SEARCHES: LimitGroup = LimitGroup::new("searches");
/// assert_eq!(SEARCHES.as_str(), "searches");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitGroup {
    name: &'static str,
    is_always_limited: bool,
}

impl LimitGroup {
    /// The longest name, in bytes.
    const LONGEST: usize = 64;

    /// The group of this name: 1 to 64 lower-case letters, digits, hyphens and underscores.
    ///
    /// # Panics
    /// When the name has other characters, or is empty or too long: while compiling, where the
    /// group is a constant.
    pub const fn new(name: &'static str) -> Self {
        assert!(
            is_name(name.as_bytes()),
            "a limit group's name must be 1 to 64 lower-case letters, digits, hyphens and underscores"
        );
        Self {
            name,
            is_always_limited: false,
        }
    }

    /// The same group, limited by each process also while a shared limiter is away that lets
    /// everything else through then: for what must never be unlimited, such as failed logins.
    #[must_use]
    pub const fn always_limited(self) -> Self {
        Self {
            is_always_limited: true,
            ..self
        }
    }

    /// The name, on the wire and in configuration.
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// Whether it is limited whatever happens.
    pub const fn is_always_limited(self) -> bool {
        self.is_always_limited
    }
}

impl fmt::Display for LimitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const fn is_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !matches!(name[at], b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_') {
            return false;
        }
        at += 1;
    }
    !name.is_empty() && name.len() <= LimitGroup::LONGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_headers_and_keys_as_it_is() {
        for good in ["manage", "track_visitor", "per-user-2", &"x".repeat(64)] {
            assert!(is_name(good.as_bytes()), "{good}");
        }
        for wrong in [
            "",
            "Manage",
            "a b",
            "a\"b",
            "a}b",
            "a:b",
            "é",
            &"x".repeat(65),
        ] {
            assert!(!is_name(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    #[should_panic(expected = "a limit group's name")]
    fn a_wrong_name_is_refused() {
        LimitGroup::new("two words");
    }
}
