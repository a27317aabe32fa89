//! Texts with rules: each is a newtype that can only hold a valid value.

use url::Url;

use crate::InvalidValue;

/// Declares a text newtype. `$check` takes the text as given and returns what to keep.
macro_rules! text_value {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text, as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// A value that was valid when it was stored. Rules may have become stricter since;
            /// what people have must stay readable.
            pub fn stored(text: String) -> Self {
                Self(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::InvalidValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<String, $crate::InvalidValue> = $check;
                check(text).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_value;

text_value!(
    /// The name of a project or client, or the title of a reference: 1 to 255 characters, not
    /// all of them blank.
    Name,
    |text| {
        filled(text)?;
        at_most(text, 255)
    }
);

text_value!(
    /// A free text of at most 10,000 characters.
    Description,
    |text| at_most(text, 10_000)
);

text_value!(
    /// The address of a project's site: an `http` or `https` URL, kept without trailing slashes.
    Domain,
    |text| {
        let text = at_most(text.trim_end_matches('/'), 2_048)?;
        let wrong = || InvalidValue::new("must be an http or https URL");
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(wrong());
        }
        let url = Url::parse(&text).map_err(|_not_a_url| wrong())?;
        let has_authority = text.contains("://");
        match url.scheme() {
            "http" | "https" if has_authority && url.has_host() && !has_login(&url) => Ok(text),
            _ => Err(wrong()),
        }
    }
);

text_value!(
    /// The id that the caller gave one of its own users or devices: 1 to 255 characters.
    ProfileId,
    |text| {
        filled(text)?;
        at_most(text, 255)
    }
);

text_value!(
    /// The name of an event: 1 to 255 characters.
    EventName,
    |text| {
        filled(text)?;
        at_most(text, 255)
    }
);

fn has_login(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn filled(text: &str) -> Result<(), InvalidValue> {
    if text.trim().is_empty() {
        return Err(InvalidValue::new("must not be empty"));
    }
    Ok(())
}

/// Refuses NUL as well as length: Postgres cannot store it in a text.
pub(crate) fn at_most(text: &str, characters: usize) -> Result<String, InvalidValue> {
    // A character has at least one byte, so short texts need no counting.
    if text.len() > characters && text.chars().count() > characters {
        return Err(InvalidValue::new(format!(
            "must be at most {characters} characters"
        )));
    }
    if text.contains('\0') {
        return Err(InvalidValue::new("must not contain NUL characters"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<Name, InvalidValue> {
        text.parse()
    }

    #[test]
    fn a_name_is_counted_in_characters_and_kept_as_given() {
        assert_eq!(name("  padded ").unwrap().as_str(), "  padded ");
        assert!(name(&"🚀".repeat(255)).is_ok());
        assert_eq!(
            name(&"🚀".repeat(256)).unwrap_err().to_string(),
            "must be at most 255 characters"
        );
        assert_eq!(name(" \t\n").unwrap_err().to_string(), "must not be empty");
        assert_eq!(
            name("a\0b").unwrap_err().to_string(),
            "must not contain NUL characters"
        );
    }

    #[test]
    fn a_domain_is_a_web_address_without_trailing_slashes() {
        for (given, kept) in [
            ("https://shop.example//", "https://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://shop.example/path/", "https://shop.example/path"),
            ("HTTPS://Shop.Example", "HTTPS://Shop.Example"),
        ] {
            assert_eq!(given.parse::<Domain>().unwrap().as_str(), kept);
        }
        for wrong in [
            "shop.example",
            "ftp://shop.example",
            "https://",
            "https:shop.example",
            "https://a b",
            "javascript:alert(1)",
            "https://user:secret@shop.example",
            " https://a.example",
        ] {
            assert!(wrong.parse::<Domain>().is_err(), "{wrong}");
        }
    }
}
