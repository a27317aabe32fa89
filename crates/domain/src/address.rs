//! Network addresses, in settings and in what callers send.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use ipnet::{IpNet, Ipv4Net};

use crate::InvalidValue;

/// How many bits of an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) stand before the IPv4 address.
const MAPPED_PREFIX: u8 = 96;

/// Reads an address as headers and SDKs spell it: perhaps quoted, in brackets, or with a port.
///
/// An IPv4-mapped IPv6 address is returned as the IPv4 address, so that a visitor has one
/// address whatever a proxy's socket is.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"').trim();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| bracketed(text))
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))?;
    Some(address.to_canonical())
}

/// `[2001:db8::1]`, without a port.
fn bracketed(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
}

/// A network in CIDR form, or a single address: an entry of a list of those who are allowed,
/// blocked or trusted. It shows itself as it was given, and compares IPv4-mapped IPv6 as IPv4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRange {
    text: String,
    /// `None` for a stored text that no longer counts as a range; nobody belongs to it.
    network: Option<IpNet>,
}

impl AddressRange {
    /// A range that was stored before, perhaps under rules that were less strict.
    pub fn stored(text: String) -> Self {
        let network = parse_network(&text);
        Self { text, network }
    }

    /// The range, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the address belongs to the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.network
            .is_some_and(|network| network.contains(&address))
    }
}

impl FromStr for AddressRange {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match parse_network(text) {
            Some(network) => Ok(Self {
                text: text.to_owned(),
                network: Some(network),
            }),
            None => Err(InvalidValue::new(
                "must be an IP address or a network such as 10.0.0.0/8",
            )),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A network, or an address as the network of it alone.
fn parse_network(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    match text.parse::<IpNet>().ok().or_else(address)? {
        IpNet::V6(network) => match network.addr().to_ipv4_mapped() {
            // One that is wider than all IPv4 addresses together is a mistake.
            Some(address) => {
                let prefix = network.prefix_len().checked_sub(MAPPED_PREFIX)?;
                Ipv4Net::new(address, prefix).ok().map(IpNet::V4)
            }
            None => Some(IpNet::V6(network)),
        },
        network @ IpNet::V4(_) => Some(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("\"[2001:db8::1]:443\"", "2001:db8::1"),
            ("2001:0DB8:0:0::1", "2001:db8::1"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("::ffff:cb00:7107", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:1", "203.0.113.7"),
        ] {
            assert_eq!(parse_address(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_not_read() {
        for text in [
            "",
            "unknown",
            "999.1.1.1",
            "1.2.3",
            "0x7f.1.1.1",
            "_hidden",
            "fe80::1%eth0",
            "203.0.113.7, 10.0.0.1",
            "203.0.113.7:",
            "203.0.113.7:65536",
            "[203.0.113.7]",
            "[2001:db8::1",
            "203.0.113.0/24",
        ] {
            assert_eq!(parse_address(text), None, "{text}");
        }
    }

    fn is_inside(range: &str, address: &str) -> bool {
        let range = range.parse::<AddressRange>().unwrap();
        range.contains(address.parse().unwrap())
    }

    #[test]
    fn a_range_is_a_network_or_an_address() {
        assert!(is_inside("10.0.0.0/8", "10.1.2.3"));
        assert!(is_inside("10.9.9.9/8", "10.1.2.3"));
        assert!(!is_inside("10.0.0.0/8", "11.0.0.1"));
        assert!(is_inside("192.0.2.7", "192.0.2.7"));
        assert!(!is_inside("192.0.2.7", "192.0.2.8"));
        assert!(is_inside("2001:db8::/32", "2001:db8:1::1"));
        assert!(!is_inside("::/0", "192.0.2.7"));
        for wrong in ["", "10.0.0.0/33", "ten", "10.0.0", "10.0.0.0/"] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ipv4_mapped_range_is_the_ipv4_range() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.1.2.3"),
            ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"),
            ("::ffff:cb00:7107", "::ffff:203.0.113.7", "203.0.113.8"),
            ("::ffff:203.0.113.7/128", "203.0.113.7", "203.0.113.8"),
            ("::ffff:203.0.113.0/120", "203.0.113.9", "203.0.114.9"),
            ("::ffff:203.0.113.9/120", "203.0.113.1", "203.0.114.9"),
            ("::ffff:0:0/96", "203.0.113.9", "2001:db8::1"),
        ] {
            assert!(is_inside(range, inside), "{range}");
            assert!(!is_inside(range, outside), "{range}");
        }
        for wrong in ["::ffff:10.0.0.0/8", "::ffff:0:0/95"] {
            assert!(wrong.parse::<AddressRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_stored_range_is_always_read_and_shown_as_it_was_given() {
        let shown = |text: &str| AddressRange::stored(text.to_owned()).to_string();
        for text in ["::ffff:203.0.113.0/120", "::ffff:10.0.0.0/8", "nonsense"] {
            assert_eq!(shown(text), text);
        }
        let contains = |text: &str, address: &str| {
            AddressRange::stored(text.to_owned()).contains(address.parse().unwrap())
        };
        assert!(contains("::ffff:203.0.113.0/120", "203.0.113.7"));
        // Whoever wrote this meant 10.0.0.0/8, and must not be given everything.
        assert!(!contains("::ffff:10.0.0.0/8", "10.0.0.1"));
    }
}
