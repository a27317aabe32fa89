//! The blocks of addresses that no visitor has, from the registries of IANA:
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, and those of multicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Who can have an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A visitor, anywhere on the Internet.
    Public,
    /// Nobody: it is for documentation.
    Documentation,
    /// A proxy or a network of somebody's own, a protocol, or nobody.
    Special,
}

impl Use {
    /// Who can have this address, which is no IPv4-mapped one.
    pub(super) fn of(address: IpAddr) -> Self {
        let (is_documentation, is_special) = match address {
            IpAddr::V4(address) => (
                DOCUMENTATION_V4.iter().any(|net| net.contains(&address)),
                SPECIAL_V4.iter().any(|net| net.contains(&address)),
            ),
            IpAddr::V6(address) => (
                DOCUMENTATION_V6.iter().any(|net| net.contains(&address)),
                SPECIAL_V6.iter().any(|net| net.contains(&address)),
            ),
        };
        match (is_documentation, is_special) {
            (true, _) => Self::Documentation,
            (false, true) => Self::Special,
            (false, false) => Self::Public,
        }
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 4], prefix: u8) -> Ipv6Net {
    let [a, b, c, d] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), prefix)
}

const DOCUMENTATION_V4: [Ipv4Net; 3] = [
    v4(192, 0, 2, 0, 24),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
];

const SPECIAL_V4: [Ipv4Net; 15] = [
    // This network.
    v4(0, 0, 0, 0, 8),
    // Private use.
    v4(10, 0, 0, 0, 8),
    // Shared by carriers and their customers (CGNAT).
    v4(100, 64, 0, 0, 10),
    // Loopback.
    v4(127, 0, 0, 0, 8),
    // Link-local.
    v4(169, 254, 0, 0, 16),
    // Private use.
    v4(172, 16, 0, 0, 12),
    // Protocol assignments.
    v4(192, 0, 0, 0, 24),
    // AS112.
    v4(192, 31, 196, 0, 24),
    // Automatic multicast tunnelling.
    v4(192, 52, 193, 0, 24),
    // Relays of 6to4.
    v4(192, 88, 99, 0, 24),
    // Private use.
    v4(192, 168, 0, 0, 16),
    // AS112.
    v4(192, 175, 48, 0, 24),
    // Benchmarks.
    v4(198, 18, 0, 0, 15),
    // Multicast.
    v4(224, 0, 0, 0, 4),
    // Reserved, and broadcast.
    v4(240, 0, 0, 0, 4),
];

const DOCUMENTATION_V6: [Ipv6Net; 2] = [v6([0x2001, 0xdb8, 0, 0], 32), v6([0x3fff, 0, 0, 0], 20)];

const SPECIAL_V6: [Ipv6Net; 11] = [
    // Unspecified, loopback, and IPv4 addresses in forms that are not used any more.
    v6([0, 0, 0, 0], 64),
    // Translation between IPv4 and IPv6.
    v6([0x64, 0xff9b, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0], 48),
    // Discard only, and the dummy prefix beside it.
    v6([0x100, 0, 0, 0], 63),
    // Protocol assignments: Teredo, benchmarks, ORCHID and others.
    v6([0x2001, 0, 0, 0], 23),
    // 6to4.
    v6([0x2002, 0, 0, 0], 16),
    // AS112.
    v6([0x2620, 0x4f, 0x8000, 0], 48),
    // Segment routing.
    v6([0x5f00, 0, 0, 0], 16),
    // Unique local.
    v6([0xfc00, 0, 0, 0], 7),
    // Link-local.
    v6([0xfe80, 0, 0, 0], 10),
    // Multicast.
    v6([0xff00, 0, 0, 0], 8),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Use {
        Use::of(address.parse().unwrap())
    }

    /// The first and the last address of every block, and the neighbours outside of it.
    #[test]
    fn every_block_of_the_registries_is_known() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.31.196.0", "192.31.196.255"),
            ("192.52.193.0", "192.52.193.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("192.175.48.0", "192.175.48.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("224.0.0.0", "239.255.255.255"),
            ("240.0.0.0", "255.255.255.255"),
            ("::", "::1"),
            ("64:ff9b::", "64:ff9b::ffff:ffff"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            ("100::", "100::ffff:ffff:ffff:ffff"),
            ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff"),
            ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(of(first), Use::Special, "{first}");
            assert_eq!(of(last), Use::Special, "{last}");
        }
        for (first, last) in [
            ("192.0.2.0", "192.0.2.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(of(first), Use::Documentation, "{first}");
            assert_eq!(of(last), Use::Documentation, "{last}");
        }
    }

    #[test]
    fn what_is_beside_the_blocks_is_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2a00:1450:4001::1",
            "3fff:1000::",
        ] {
            assert_eq!(of(address), Use::Public, "{address}");
        }
    }
}
