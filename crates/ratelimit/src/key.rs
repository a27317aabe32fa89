//! Whose bucket it is.

use std::net::IpAddr;

use paneld_domain::{ClientId, LimitGroup};

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketKey {
    pub(crate) group: LimitGroup,
    pub(crate) subject: u128,
}

impl BucketKey {
    /// A client's bucket of a group.
    pub fn client(group: LimitGroup, client: ClientId) -> Self {
        Self {
            group,
            subject: client.as_uuid().as_u128(),
        }
    }

    /// An address's bucket of failed authentications. IPv6 counts by its /64: that is what one
    /// subscriber gets.
    pub fn address(group: LimitGroup, address: IpAddr) -> Self {
        let subject = match address.to_canonical() {
            // The mark in the lower half keeps it apart from every IPv6 network.
            IpAddr::V4(v4) => u128::from(u32::from(v4)) | 1 << 32,
            IpAddr::V6(v6) => u128::from(v6) >> 64 << 64,
        };
        Self { group, subject }
    }

    /// That of all who call for a client without its secret.
    pub fn strangers(group: LimitGroup, client: ClientId) -> Self {
        Self {
            group,
            // No client has it: the version of its id would be another.
            subject: !client.as_uuid().as_u128(),
        }
    }

    /// That of one visitor of a client, or of a peer that tells where visitors are.
    pub fn visitor(group: LimitGroup, client: ClientId, address: IpAddr) -> Self {
        let address = Self::address(group, address).subject;
        Self {
            group,
            subject: client.as_uuid().as_u128() ^ address.rotate_left(32),
        }
    }

    /// The group that the bucket is for.
    pub fn group(&self) -> LimitGroup {
        self.group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_limited_by_its_network_and_ipv4_by_address() {
        let key = |text: &str| BucketKey::address(LimitGroup::AuthFailures, text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("0.0.0.0"), key("::"));
    }
}
