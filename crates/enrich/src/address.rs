//! From which address a visitor comes: `docs/contract/track.md` §2.2.

mod registries;

use std::net::IpAddr;

use paneld_domain::parse_address;

use self::registries::Use;

/// The headers that may tell the visitor's address, the most trusted first, in lower case.
const ADDRESS_HEADERS: &[&str] = &[
    "openpanel-client-ip",
    "true-client-ip",
    "x-client-ip",
    "cf-connecting-ip",
    "x-forwarded-for",
    "x-real-ip",
    "fastly-client-ip",
    "x-cluster-client-ip",
    "x-appengine-user-ip",
    "do-connecting-ip",
    "x-nf-client-connection-ip",
    "x-forwarded",
    "forwarded",
];

/// The visitor's address: of the first header of the list that has a public one.
///
/// `header` gives the value of the header with that name, if the request has one.
/// Whether the headers of this caller are to be believed is the caller's business.
pub fn visitor_address<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<IpAddr> {
    let mut example = None;
    for name in ADDRESS_HEADERS {
        let Some(address) = header(name).and_then(|value| address_in(name, value)) else {
            continue;
        };
        match Use::of(address) {
            Use::Public => return Some(address),
            // Nobody has one; but tutorials and tests do, and mean it.
            Use::Documentation => example = example.or(Some(address)),
            Use::Special => {}
        }
    }
    example
}

/// Whether a visitor can have this address, rather than a proxy or the network it stands in.
pub fn is_visitors(address: IpAddr) -> bool {
    Use::of(address.to_canonical()) != Use::Special
}

fn address_in(name: &str, value: &str) -> Option<IpAddr> {
    parse_address(match name {
        "x-forwarded-for" => value.split(',').next()?,
        "forwarded" => first_for(value)?,
        _ => value,
    })
}

/// The first `for=` of a `Forwarded` header (RFC 7239).
fn first_for(value: &str) -> Option<&str> {
    value.split([',', ';']).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(headers: &[(&str, &'static str)]) -> Option<String> {
        let address = visitor_address(|name| {
            let header = headers.iter().find(|(other, _)| *other == name);
            header.map(|(_, value)| *value)
        });
        address.map(|address| address.to_string())
    }

    #[test]
    fn a_header_has_any_spelling_of_an_address() {
        for text in [
            "203.0.113.7",
            "\"203.0.113.7:8080\"",
            "::ffff:203.0.113.7",
            "[::ffff:203.0.113.7]:1",
        ] {
            let expected = Some("203.0.113.7");
            assert_eq!(of(&[("x-real-ip", text)]).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_address_of_documentation_counts_where_there_is_no_public_one() {
        let example = ("x-client-ip", "192.0.2.1");
        assert_eq!(of(&[example]).as_deref(), Some("192.0.2.1"));
        let both = [example, ("x-forwarded-for", "2001:db8::1")];
        assert_eq!(of(&both).as_deref(), Some("192.0.2.1"));
        let public = [example, ("x-real-ip", "81.2.69.160")];
        assert_eq!(of(&public).as_deref(), Some("81.2.69.160"));
    }

    #[test]
    fn what_is_no_address_of_a_visitor_is_passed_over() {
        for text in [
            "",
            "unknown",
            "999.1.1.1",
            "1.2.3",
            "0x7f.1.1.1",
            "_hidden",
            "127.0.0.1",
            "10.0.0.1",
            "100.64.1.2",
            "172.16.5.4",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "::1",
            "fe80::1",
            "fe80::1%eth0",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:100.64.1.2",
            "64:ff9b::808:808",
            "203.0.113.7, 10.0.0.1",
        ] {
            assert_eq!(of(&[("x-client-ip", text)]), None, "{text}");
            let behind = [("x-client-ip", text), ("x-real-ip", "198.51.100.1")];
            assert_eq!(of(&behind).as_deref(), Some("198.51.100.1"), "{text}");
        }
        assert_eq!(
            of(&[("x-client-ip", "172.32.0.1")]).as_deref(),
            Some("172.32.0.1")
        );
    }

    #[test]
    fn the_first_header_wins() {
        for (index, name) in ADDRESS_HEADERS.iter().enumerate() {
            let mut headers = vec![(*name, "for=198.51.100.1")];
            if *name != "forwarded" {
                headers[0].1 = "198.51.100.1";
            }
            headers.extend(
                ADDRESS_HEADERS[index + 1..]
                    .iter()
                    .map(|name| (*name, "198.51.100.2")),
            );
            assert_eq!(of(&headers).as_deref(), Some("198.51.100.1"), "{name}");
        }
    }

    #[test]
    fn of_a_list_only_the_first_counts() {
        for (name, value, expected) in [
            (
                "x-forwarded-for",
                "198.51.100.1, 198.51.100.2",
                Some("198.51.100.1"),
            ),
            (
                "x-forwarded-for",
                "[2001:db8::1]:80,198.51.100.2",
                Some("2001:db8::1"),
            ),
            ("x-forwarded-for", "10.0.0.1, 198.51.100.2", None),
            ("forwarded", "for=198.51.100.1", Some("198.51.100.1")),
            (
                "forwarded",
                "for=198.51.100.1;proto=https, for=198.51.100.2",
                Some("198.51.100.1"),
            ),
            (
                "forwarded",
                "proto=https; For=\"[2001:db8::1]:4711\"",
                Some("2001:db8::1"),
            ),
            ("forwarded", "for=unknown, for=198.51.100.2", None),
            ("forwarded", "198.51.100.1", None),
        ] {
            assert_eq!(of(&[(name, value)]).as_deref(), expected, "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in any::<String>()) {
            let found = visitor_address(|_| Some(text.as_str()));
            prop_assert!(found.is_none_or(is_visitors));
        }

        #[test]
        fn every_address_of_a_visitor_is_read_as_it_is_written(address in any::<IpAddr>()) {
            let text = address.to_string();
            let expected = is_visitors(address).then_some(address.to_canonical());
            prop_assert_eq!(visitor_address(|_| Some(&text)), expected);
        }
    }
}
