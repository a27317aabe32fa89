//! Buckets in this process.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use paneld_domain::{ClientId, Clock, LimitGroup, Rate};

use crate::bucket::{Bucket, Verdict};

/// Shards of a group: each has its own lock.
const SHARDS: usize = 16;
/// The most buckets a shard keeps. All groups together stay under about 20 MB.
const BUCKETS_PER_SHARD: usize = 4_096;
/// How often at most a crowded shard is searched for full buckets, in microseconds.
const SWEEP_INTERVAL: u64 = 1_000_000;

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BucketKey {
    group: LimitGroup,
    subject: u128,
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
}

/// A limiter whose buckets live in this process, in bounded memory.
///
/// Only full buckets are forgotten, which changes nothing. A shard that is crowded with buckets
/// in use lets newcomers share one bucket, until there is room again: an attack from many
/// addresses at once is limited together.
#[derive(Debug)]
pub struct Limiter {
    clock: Clock,
    hasher: RandomState,
    groups: [[Mutex<Shard>; SHARDS]; LimitGroup::ALL.len()],
}

#[derive(Debug, Default)]
struct Shard {
    buckets: HashMap<u128, Entry>,
    /// The bucket that newcomers share while there is no room.
    overflow: Bucket,
    next_sweep: u64,
}

#[derive(Debug)]
struct Entry {
    bucket: Bucket,
    rate: Rate,
}

impl Limiter {
    /// A limiter without any bucket in use.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            groups: Default::default(),
        }
    }

    /// Takes `cost` tokens, or none when they do not all fit.
    pub fn take(&self, key: BucketKey, rate: Rate, cost: u32) -> Verdict {
        let now = self.now();
        let mut shard = self.shard(key);
        let bucket = shard.bucket_mut(key.subject, rate, now);
        let (after, verdict) = bucket.take(rate, cost, now);
        *bucket = after;
        verdict
    }

    /// What a bucket holds; nothing is taken.
    pub fn peek(&self, key: BucketKey, rate: Rate) -> Verdict {
        let now = self.now();
        let shard = self.shard(key);
        let bucket = shard.buckets.get(&key.subject);
        bucket
            .map_or(Bucket::default(), |entry| entry.bucket)
            .peek(rate, now)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn shard(&self, key: BucketKey) -> MutexGuard<'_, Shard> {
        let hash = usize::try_from(self.hasher.hash_one(key.subject) % SHARDS as u64);
        let shard = &self.groups[key.group as usize][hash.unwrap_or(0)];
        // A bucket is a pair of numbers: no panic can leave one half written.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn bucket_mut(&mut self, subject: u128, rate: Rate, now: u64) -> &mut Bucket {
        if self.buckets.len() >= BUCKETS_PER_SHARD && !self.buckets.contains_key(&subject) {
            self.sweep(now);
            if self.buckets.len() >= BUCKETS_PER_SHARD {
                return &mut self.overflow;
            }
        }
        let entry = self.buckets.entry(subject).or_insert(Entry {
            bucket: Bucket::default(),
            rate,
        });
        entry.rate = rate;
        &mut entry.bucket
    }

    /// Forgets full buckets; at most once in an interval, for it looks at all of them.
    fn sweep(&mut self, now: u64) {
        if now >= self.next_sweep {
            self.buckets
                .retain(|_, entry| !entry.bucket.is_full(entry.rate, now));
            self.next_sweep = now + SWEEP_INTERVAL;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv6Addr, time::Duration};

    use paneld_domain::{ManualClock, parse_timestamp};

    use super::*;

    fn limiter() -> (Limiter, ManualClock) {
        let time = ManualClock::starting_at(parse_timestamp("2026-01-15").unwrap());
        (Limiter::new(time.clock()), time)
    }

    fn failures(address: impl Into<IpAddr>) -> BucketKey {
        BucketKey::address(LimitGroup::AuthFailures, address.into())
    }

    fn network(number: u64) -> BucketKey {
        failures(Ipv6Addr::from(u128::from(number) << 64))
    }

    #[test]
    fn subjects_and_groups_have_buckets_of_their_own() {
        let (limiter, _time) = limiter();
        let rate = Rate::new(1, 60).unwrap();
        let client = ClientId::random(&mut rand::rng());
        let manage = BucketKey::client(LimitGroup::Manage, client);
        assert!(limiter.take(manage, rate, 1).is_allowed());
        assert!(!limiter.take(manage, rate, 1).is_allowed());
        assert_eq!(limiter.peek(manage, rate).remaining, 0);
        for other in [
            BucketKey::client(LimitGroup::Export, client),
            BucketKey::client(LimitGroup::Manage, ClientId::random(&mut rand::rng())),
        ] {
            assert_eq!(limiter.peek(other, rate).remaining, 1);
            assert!(limiter.take(other, rate, 1).is_allowed());
        }
    }

    #[test]
    fn ipv6_is_limited_by_its_network_and_ipv4_by_address() {
        let key = |text: &str| failures(text.parse::<IpAddr>().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("0.0.0.0"), key("::"));
    }

    #[test]
    fn memory_is_bounded_and_only_full_buckets_are_forgotten() {
        let (limiter, time) = limiter();
        let rate = Rate::new(2, 60).unwrap();
        let kept = |limiter: &Limiter| -> usize {
            let shards = &limiter.groups[LimitGroup::AuthFailures as usize];
            shards
                .iter()
                .map(|shard| shard.lock().unwrap().buckets.len())
                .sum()
        };
        let victim = network(0);
        limiter.take(victim, rate, 2);

        let crowd = 3 * (SHARDS * BUCKETS_PER_SHARD) as u64;
        let passed = (1..crowd)
            .filter(|&n| limiter.take(network(n), rate, 2).is_allowed())
            .count();
        assert_eq!(kept(&limiter), SHARDS * BUCKETS_PER_SHARD);
        assert!(
            passed <= SHARDS * BUCKETS_PER_SHARD + SHARDS,
            "those without room share a bucket, but {passed} passed"
        );
        assert!(
            !limiter.take(victim, rate, 1).is_allowed(),
            "a bucket in use was forgotten"
        );

        time.advance(Duration::from_secs(60));
        assert!(limiter.take(network(crowd), rate, 2).is_allowed());
        assert!(kept(&limiter) < SHARDS * BUCKETS_PER_SHARD);
    }
}
