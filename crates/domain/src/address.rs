//! Network addresses in settings.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;

use crate::InvalidValue;

/// One entry of a client's allow-list: a network in CIDR form, or a single address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedAddress {
    text: String,
    network: IpNet,
}

impl AllowedAddress {
    /// The entry, as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the address belongs to the entry. An IPv4 address written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.network.contains(&address.to_canonical())
    }
}

impl FromStr for AllowedAddress {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
            .ok_or(InvalidValue::new(
                "must be an IP address or a network such as 10.0.0.0/8",
            ))?;
        Ok(Self {
            text: text.to_owned(),
            network,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_network_or_an_address() {
        let inside = |entry: &str, address: &str| {
            entry
                .parse::<AllowedAddress>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(inside("10.0.0.0/8", "10.1.2.3"));
        assert!(inside("10.9.9.9/8", "10.1.2.3"));
        assert!(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("192.0.2.7", "192.0.2.7"));
        assert!(!inside("192.0.2.7", "192.0.2.8"));
        assert!(inside("2001:db8::/32", "2001:db8:1::1"));
        for wrong in ["", "10.0.0.0/33", "ten", "10.0.0", "10.0.0.0/"] {
            assert!(wrong.parse::<AllowedAddress>().is_err(), "{wrong}");
        }
    }
}
