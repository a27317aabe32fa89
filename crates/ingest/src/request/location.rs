//! Where something happened: `docs/contract/track.md` §5.2.

use std::{borrow::Cow, collections::BTreeMap};

use url::Url;

/// A page of a site, or a screen of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageLocation {
    /// The path of the page, percent-encoded; or the name of the screen.
    pub path: String,
    /// Scheme, host and port, where they are known.
    pub origin: String,
    /// The values of the query string, by name; of those with the same name, the last.
    pub query: BTreeMap<String, String>,
    /// The fragment with its `#`; empty when there is none.
    pub hash: String,
}

impl PageLocation {
    /// Reads a full URL, a path with query and fragment, or the name of a screen, which is any
    /// other text.
    pub fn parse(text: &str) -> Self {
        let (url, has_origin) = if text.starts_with('/') {
            // The host is there only because a URL needs one. Two slashes are a path, too.
            (Url::parse(&format!("http://localhost{text}")), false)
        } else if text.starts_with("http") {
            (Url::parse(text), true)
        } else {
            return Self::named(text);
        };
        match url {
            Ok(url) if url.has_host() => Self::of(&url, has_origin),
            _ => Self::named(text),
        }
    }

    fn named(text: &str) -> Self {
        Self {
            path: text.to_owned(),
            ..Self::default()
        }
    }

    fn of(url: &Url, has_origin: bool) -> Self {
        let origin = if has_origin {
            url.origin().ascii_serialization()
        } else {
            String::new()
        };
        // A database of ours has no such character in its texts.
        let clean = |text: Cow<'_, str>| text.replace('\0', "");
        let query = url.query_pairs();
        let query = query.map(|(name, value)| (clean(name), clean(value)));
        let hash = url.fragment().filter(|fragment| !fragment.is_empty());
        Self {
            path: url.path().to_owned(),
            origin,
            query: query.collect(),
            hash: hash
                .map(|fragment| format!("#{fragment}"))
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn page(path: &str, origin: &str, query: &[(&str, &str)], hash: &str) -> PageLocation {
        let query = query.iter();
        PageLocation {
            path: path.into(),
            origin: origin.into(),
            query: query
                .map(|&(key, value)| (key.into(), value.into()))
                .collect(),
            hash: hash.into(),
        }
    }

    #[test]
    fn urls_paths_and_names_of_screens_are_told_apart() {
        let shop = "https://shop.example";
        for (text, expected) in [
            ("", page("", "", &[], "")),
            ("HomeScreen", page("HomeScreen", "", &[], "")),
            ("profile/42?tab=1", page("profile/42?tab=1", "", &[], "")),
            ("/", page("/", "", &[], "")),
            (
                "/a b?x=1&x=2#top",
                page("/a%20b", "", &[("x", "2")], "#top"),
            ),
            ("//evil.example/x", page("//evil.example/x", "", &[], "")),
            ("https://shop.example", page("/", shop, &[], "")),
            ("https://shop.example:443/a/", page("/a/", shop, &[], "")),
            (
                "http://shop.example:8080/",
                page("/", "http://shop.example:8080", &[], ""),
            ),
            (
                "https://shop.example/ä?utm_source=a+b&empty=#",
                page("/%C3%A4", shop, &[("utm_source", "a b"), ("empty", "")], ""),
            ),
            ("https://", page("https://", "", &[], "")),
            ("httpie", page("httpie", "", &[], "")),
            ("http:", page("http:", "", &[], "")),
        ] {
            assert_eq!(PageLocation::parse(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_page(text in any::<String>()) {
            let page = PageLocation::parse(&text);
            prop_assert!(page.hash.is_empty() || page.hash.starts_with('#'));
            prop_assert_eq!(page.path.is_empty(), text.is_empty());
        }
    }
}
