//! Whose bucket it is.

use std::net::IpAddr;

use paneld_base::LimitGroup;
use sha2::{Digest as _, Sha256};

/// Whose bucket it is: that of one subject, in one group.
///
/// A key has a fixed size, whatever it was made from. Redis gets to see ids as they are, and of
/// addresses and texts only hashes that are made with the key prefix.
///
/// ```
/// use paneld_ratelimit::{BucketKey, LimitGroup};
///
/// const SEARCHES: LimitGroup = LimitGroup::new("searches");
/// let by_user = BucketKey::text(SEARCHES, "user:ada@example.com");
/// let by_tenant = BucketKey::id(SEARCHES, 42u8);
/// let by_address = BucketKey::address(SEARCHES, "2001:db8::1".parse().unwrap());
/// assert_ne!(by_user, by_tenant);
/// assert_eq!(by_address, BucketKey::address(SEARCHES, "2001:db8::2".parse().unwrap()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketKey {
    pub(crate) group: LimitGroup,
    pub(crate) subject: u128,
    /// Whether the subject is nobody's business but ours.
    pub(crate) is_private: bool,
}

impl BucketKey {
    /// The bucket of whoever has this id: a number, or a UUID as one.
    pub fn id(group: LimitGroup, id: impl Into<u128>) -> Self {
        Self {
            group,
            subject: id.into(),
            is_private: false,
        }
    }

    /// The bucket of an address. IPv6 counts by its /64: that is what one subscriber gets.
    pub fn address(group: LimitGroup, address: IpAddr) -> Self {
        Self {
            group,
            subject: of_address(address),
            is_private: true,
        }
    }

    /// The bucket of an address, as far as it has to do with one id: a visitor of a site, or
    /// somebody who logs in to an account.
    pub fn address_with(group: LimitGroup, id: impl Into<u128>, address: IpAddr) -> Self {
        Self {
            group,
            subject: id.into() ^ of_address(address).rotate_left(32),
            is_private: true,
        }
    }

    /// The bucket of whoever this text names: of its SHA-256, so the text may be long or secret.
    /// Where texts name things of several kinds, begin each with its kind.
    pub fn text(group: LimitGroup, text: &str) -> Self {
        Self {
            group,
            subject: half_of(&Sha256::digest(text)),
            is_private: true,
        }
    }

    /// The group that the bucket is for.
    pub const fn group(&self) -> LimitGroup {
        self.group
    }
}

fn of_address(address: IpAddr) -> u128 {
    match address.to_canonical() {
        // The mark in the lower half keeps it apart from every IPv6 network.
        IpAddr::V4(v4) => u128::from(u32::from(v4)) | 1 << 32,
        IpAddr::V6(v6) => u128::from(v6) >> 64 << 64,
    }
}

/// As much of a digest as a subject has room for.
pub(crate) fn half_of(digest: &[u8]) -> u128 {
    let half = digest.first_chunk().copied().unwrap_or_default();
    u128::from_be_bytes(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: LimitGroup = LimitGroup::new("auth_failures");

    #[test]
    fn ipv6_is_limited_by_its_network_and_ipv4_by_address() {
        let key = |text: &str| BucketKey::address(GROUP, text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("0.0.0.0"), key("::"));
    }

    #[test]
    fn texts_of_any_length_have_buckets_of_their_own() {
        let long = "x".repeat(1_000_000);
        let texts = ["", "a", "b", "é", &long, &long[1..]];
        let keys = texts.map(|text| BucketKey::text(GROUP, text));
        for (place, key) in keys.iter().enumerate() {
            assert_eq!(keys.iter().position(|other| other == key), Some(place));
        }
    }
}
