//! From which address a visitor comes: `contract/track.md` §2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The headers that may tell the visitor's address, the most trusted first, in lower case.
pub const ADDRESS_HEADERS: &[&str] = &[
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

/// The visitor's address: of the first of [`ADDRESS_HEADERS`] that has a public one.
///
/// `header` gives the value of the header with that name, if the request has one.
/// Whether the headers of this caller are to be believed is the caller's business.
pub fn visitor_address<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<IpAddr> {
    visitor_address_by(ADDRESS_HEADERS, header)
}

/// As [`visitor_address`], but by other headers, for proxies that set one of their own.
pub fn visitor_address_by<'a>(
    names: &[impl AsRef<str>],
    header: impl Fn(&str) -> Option<&'a str>,
) -> Option<IpAddr> {
    names.iter().find_map(|name| {
        let name = name.as_ref();
        let value = header(name)?;
        let text = match name {
            "x-forwarded-for" => value.split(',').next()?,
            "forwarded" => first_for(value)?,
            _ => value,
        };
        parse_address(text).filter(|address| is_public(*address))
    })
}

/// Reads an address as headers spell it: perhaps quoted, in brackets, or with a port.
///
/// An IPv4 address in the form of an IPv6 one counts as the IPv4 address, so that a visitor has
/// one address whatever the proxy's socket is.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"').trim();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| bracketed(text))
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// Whether a visitor can have this address, rather than a proxy or the network it stands in.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_inner = address.is_loopback() || address.is_private() || address.is_link_local();
    let is_nobodys = address.is_unspecified() || address.is_broadcast() || address.is_multicast();
    !(is_inner || is_nobodys)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_inner =
        address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local();
    !(is_inner || address.is_unspecified() || address.is_multicast())
}

/// The first `for=` of a `Forwarded` header (RFC 7239).
fn first_for(value: &str) -> Option<&str> {
    value.split([',', ';']).find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case("for").then_some(value)
    })
}

/// `[2001:db8::1]`, without a port.
fn bracketed(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
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
    fn every_spelling_of_an_address_is_read() {
        for (text, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("203.0.113.7:8080", "203.0.113.7"),
            ("\"203.0.113.7:8080\"", "203.0.113.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:0DB8:0:0::1", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:1", "203.0.113.7"),
        ] {
            assert_eq!(
                of(&[("x-real-ip", text)]).as_deref(),
                Some(expected),
                "{text}"
            );
        }
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

    #[test]
    fn other_headers_may_be_asked() {
        let address = visitor_address_by(&["x-mine"], |name| {
            (name == "x-mine").then_some("198.51.100.9")
        });
        assert_eq!(address, parse_address("198.51.100.9"));
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in any::<String>()) {
            let found = visitor_address(|_| Some(text.as_str()));
            prop_assert!(found.is_none_or(is_public));
        }

        #[test]
        fn every_public_address_is_read_as_it_is_written(address in any::<IpAddr>()) {
            let text = address.to_string();
            let expected = is_public(address).then_some(address.to_canonical());
            prop_assert_eq!(visitor_address(|_| Some(&text)), expected);
        }
    }
}
