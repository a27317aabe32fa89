//! Where in a host's app the routes are.

use std::{borrow::Cow, str::FromStr};

use paneld_domain::InvalidValue;

/// The path below which all routes are mounted: empty at the root, else such as `/analytics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(Cow<'static, str>);

impl Prefix {
    /// The root: routes begin with their own paths.
    pub const ROOT: Self = Self(Cow::Borrowed(""));

    /// The path: without a slash at its end, so that those of routes go on behind it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of a route.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for Prefix {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(is_plain);
        match text.strip_prefix('/') {
            Some(path) if path.split('/').all(is_segment) => Ok(Self(text.to_owned().into())),
            _ => Err(InvalidValue::new(
                "must begin with a slash, end without one, and have nothing but letters, digits, \
                 hyphens, dots, underscores and tildes between slashes, such as /analytics",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;

    #[test]
    fn a_prefix_is_a_plain_path() {
        for path in ["/analytics", "/a/b", "/v1.0/_x~y-z"] {
            assert_eq!(path.parse::<Prefix>().unwrap().as_str(), path);
        }
        for path in [
            "",
            "/",
            "analytics",
            "/a/",
            "//a",
            "/a//b",
            "/{id}",
            "/a b",
            "/%61",
            "/ä",
        ] {
            assert!(path.parse::<Prefix>().is_err(), "{path}");
        }
    }
}
