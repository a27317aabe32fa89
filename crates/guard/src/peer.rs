//! The peer address: who is at the other end, behind the proxies we trust.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{dev::RequestHead, http::header};
use paneld_domain::{AddressRange, parse_address};

/// The proxies whose word on addresses is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Vec<AddressRange>);

impl TrustedProxies {
    /// Believes these proxies, and no others.
    pub fn new(proxies: Vec<AddressRange>) -> Self {
        Self(proxies)
    }

    /// Believes proxies on the same machine, and no others.
    pub fn loopback() -> Self {
        let ranges = ["127.0.0.0/8", "::1"];
        Self(
            ranges
                .map(|range| AddressRange::stored(range.to_owned()))
                .into(),
        )
    }

    /// Whether this is the address of a trusted proxy.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|proxy| proxy.contains(address))
    }

    /// The peer address of a request: the socket's, or when that is a trusted proxy's, the
    /// rightmost hop of `X-Forwarded-For` (else `Forwarded`) that is not trusted
    /// (`docs/contract/auth-and-limits.md` §1.2). What a proxy wrote in no known form, it wrote
    /// about nobody: then the proxy itself is the peer.
    pub fn peer_address(&self, head: &RequestHead) -> IpAddr {
        let socket = head
            .peer_addr
            .map_or(IpAddr::from(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let mut peer = socket.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        for hop in forwarded_hops(head).iter().rev() {
            match std::str::from_utf8(hop).ok().and_then(parse_address) {
                Some(address) => peer = address,
                None => return peer,
            }
            if !self.trusts(peer) {
                return peer;
            }
        }
        peer
    }
}

/// The hops that proxies wrote down, the nearest one last. They are taken as bytes: what a
/// caller wrote to the left must not make what a proxy wrote to the right unreadable.
fn forwarded_hops(head: &RequestHead) -> Vec<&[u8]> {
    if head.headers.contains_key(header::X_FORWARDED_FOR) {
        let values = head.headers.get_all(header::X_FORWARDED_FOR);
        return values
            .flat_map(|value| value.as_bytes().split(|&b| b == b','))
            .collect();
    }
    let values = head.headers.get_all(header::FORWARDED);
    let elements = values.flat_map(|value| split_unquoted(value.as_bytes(), b','));
    elements
        .map(|element| forwarded_for(element).unwrap_or_default())
        .collect()
}

/// The value of the `for=` pair of an element (RFC 7239, section 4).
fn forwarded_for(element: &[u8]) -> Option<&[u8]> {
    split_unquoted(element, b';').into_iter().find_map(|pair| {
        let name_end = pair.iter().position(|&b| b == b'=')?;
        let is_for = pair[..name_end].trim_ascii().eq_ignore_ascii_case(b"for");
        is_for.then(|| &pair[name_end + 1..])
    })
}

/// Splits a header's value, but not within its quoted strings (RFC 9110, section 5.6.4), which
/// may hold what a caller chose. One that is not closed swallows the rest.
fn split_unquoted(value: &[u8], separator: u8) -> Vec<&[u8]> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                parts.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use actix_web::test::TestRequest;

    use super::*;

    fn peer(socket: &str, headers: &[(&str, &str)]) -> String {
        let mut request =
            TestRequest::default().peer_addr(SocketAddr::new(socket.parse().unwrap(), 4711));
        for header in headers {
            request = request.append_header(*header);
        }
        let mut proxies = TrustedProxies::loopback();
        proxies.0.push("10.0.0.0/8".parse().unwrap());
        proxies
            .peer_address(request.to_srv_request().head())
            .to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(
            peer("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")]),
            "192.0.2.1"
        );
        assert_eq!(peer("192.0.2.1", &[]), "192.0.2.1");
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_peer() {
        let chain = "203.0.113.9, 198.51.100.7, 10.1.1.1";
        assert_eq!(
            peer("127.0.0.1", &[("x-forwarded-for", chain)]),
            "198.51.100.7"
        );
        assert_eq!(peer("::1", &[("x-forwarded-for", chain)]), "198.51.100.7");
        assert_eq!(
            peer("::ffff:127.0.0.1", &[("x-forwarded-for", chain)]),
            "198.51.100.7"
        );
        let lines = [
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "198.51.100.7, 10.1.1.1"),
        ];
        assert_eq!(peer("127.0.0.1", &lines), "198.51.100.7");
    }

    #[test]
    fn hops_are_read_in_every_common_form() {
        for (hop, address) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7:8080", "198.51.100.7"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:8080", "2001:db8::1"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
        ] {
            assert_eq!(peer("127.0.0.1", &[("x-forwarded-for", hop)]), address);
        }
        let forwarded = "for=203.0.113.9, For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1";
        assert_eq!(
            peer("127.0.0.1", &[("forwarded", forwarded)]),
            "2001:db8::1"
        );
    }

    #[test]
    fn what_cannot_be_read_ends_the_search() {
        for garbage in [
            "unknown",
            "",
            "198.51.100.7, _hidden",
            "198.51.100.7, 999.1.1.1",
        ] {
            assert_eq!(
                peer("127.0.0.1", &[("x-forwarded-for", garbage)]),
                "127.0.0.1"
            );
        }
    }

    #[test]
    fn what_a_caller_wrote_cannot_hide_what_a_proxy_wrote() {
        let address = |name: &str, value: &[u8]| {
            let value = header::HeaderValue::from_bytes(value).unwrap();
            let request = TestRequest::default()
                .peer_addr(SocketAddr::from(([127, 0, 0, 1], 4711)))
                .insert_header((
                    header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    value,
                ));
            let head = request.to_srv_request();
            TrustedProxies::loopback()
                .peer_address(head.head())
                .to_string()
        };
        assert_eq!(
            address("x-forwarded-for", b"\xff, 198.51.100.7"),
            "198.51.100.7"
        );
        for forwarded in [
            "for=198.51.100.7;host=\"x,for=203.0.113.9\"",
            "for=198.51.100.7;host=\"a,b\"",
            "host=\"a;for=203.0.113.9\";for=198.51.100.7",
            "for=203.0.113.9;host=\"\\\",\", for=198.51.100.7",
        ] {
            assert_eq!(
                address("forwarded", forwarded.as_bytes()),
                "198.51.100.7",
                "{forwarded}"
            );
        }
    }

    #[test]
    fn forwarded_counts_only_without_x_forwarded_for() {
        let both = [
            ("forwarded", "for=203.0.113.9"),
            ("x-forwarded-for", "198.51.100.7"),
        ];
        assert_eq!(peer("127.0.0.1", &both), "198.51.100.7");
    }

    #[test]
    fn when_all_hops_are_trusted_the_farthest_is_the_peer() {
        assert_eq!(
            peer("127.0.0.1", &[("x-forwarded-for", "10.0.0.1, 10.0.0.2")]),
            "10.0.0.1"
        );
    }
}
