//! Buckets in this process.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use paneld_base::{Clock, LimitGroup, Rate};

use crate::{
    BucketKey,
    bucket::{Bucket, Verdict},
};

/// Each shard has its own lock, and all buckets of the subjects that fall to it.
const SHARDS: usize = 16;
/// The most buckets that a shard keeps of a group. All shards together stay under about 3 MB.
const BUCKETS_PER_TABLE: usize = 4_096;
/// How often at most a crowded table is searched for full buckets, in microseconds.
const SWEEP_INTERVAL: u64 = 1_000_000;

/// Buckets that live in this process, in bounded memory.
///
/// Only full buckets are forgotten, which changes nothing. A table that is crowded with buckets
/// in use lets newcomers share one bucket, until there is room again: an attack from many
/// addresses at once is limited together.
#[derive(Debug)]
pub(crate) struct LocalBuckets {
    clock: Clock,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// A table for each group that was ever asked for. There are as many as the program has.
type Shard = Vec<(LimitGroup, Table)>;

#[derive(Debug, Default)]
struct Table {
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

impl LocalBuckets {
    /// No bucket is in use yet.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            hasher: RandomState::new(),
            shards: Default::default(),
        }
    }

    /// Takes `cost` tokens, or none when they do not all fit.
    pub(crate) fn take(&self, key: BucketKey, rate: Rate, cost: u32) -> Verdict {
        let now = self.now();
        let mut shard = self.shard(key.subject);
        let bucket = table_mut(&mut shard, key.group).bucket_mut(key.subject, rate, now);
        let (after, verdict) = bucket.take(rate, cost, now);
        *bucket = after;
        verdict
    }

    /// What buckets hold at these rates; nothing is taken.
    pub(crate) fn peek(&self, buckets: &[(BucketKey, Rate)]) -> Vec<Verdict> {
        let now = self.now();
        let verdicts = buckets.iter().map(|&(key, rate)| {
            let shard = self.shard(key.subject);
            let table = shard.iter().find(|(group, _)| *group == key.group);
            let entry = table.and_then(|(_, table)| table.buckets.get(&key.subject));
            let bucket = entry.map(|entry| entry.bucket.rescaled(entry.rate, rate, now));
            bucket.unwrap_or_default().peek(rate, now)
        });
        verdicts.collect()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn shard(&self, subject: u128) -> MutexGuard<'_, Shard> {
        let place = usize::try_from(self.hasher.hash_one(subject) % SHARDS as u64);
        let shard = &self.shards[place.unwrap_or(0)];
        // A bucket is a pair of numbers: no panic can leave one half written.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn table_mut(shard: &mut Shard, group: LimitGroup) -> &mut Table {
    let place = shard.iter().position(|(other, _)| *other == group);
    let place = place.unwrap_or_else(|| {
        shard.push((group, Table::default()));
        shard.len() - 1
    });
    &mut shard[place].1
}

impl Table {
    fn bucket_mut(&mut self, subject: u128, rate: Rate, now: u64) -> &mut Bucket {
        if self.buckets.len() >= BUCKETS_PER_TABLE && !self.buckets.contains_key(&subject) {
            self.sweep(now);
            if self.buckets.len() >= BUCKETS_PER_TABLE {
                return &mut self.overflow;
            }
        }
        let entry = self.buckets.entry(subject).or_insert(Entry {
            bucket: Bucket::default(),
            rate,
        });
        entry.bucket = entry.bucket.rescaled(entry.rate, rate, now);
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
    use std::{
        net::{IpAddr, Ipv6Addr},
        time::Duration,
    };

    use paneld_base::{ManualClock, Timestamp};

    use super::*;

    fn limiter() -> (LocalBuckets, ManualClock) {
        let time = ManualClock::starting_at(Timestamp::UNIX_EPOCH);
        (LocalBuckets::new(time.clock()), time)
    }

    const MANAGE: LimitGroup = LimitGroup::new("manage");
    const EXPORT: LimitGroup = LimitGroup::new("export");
    const FAILURES: LimitGroup = LimitGroup::new("auth_failures");

    fn failures(address: impl Into<IpAddr>) -> BucketKey {
        BucketKey::address(FAILURES, address.into())
    }

    fn network(number: u64) -> BucketKey {
        failures(Ipv6Addr::from(u128::from(number) << 64))
    }

    #[test]
    fn subjects_and_groups_have_buckets_of_their_own() {
        let (limiter, _time) = limiter();
        let rate = Rate::new(1, 60).unwrap();
        let manage = BucketKey::id(MANAGE, 7u8);
        assert!(limiter.take(manage, rate, 1).is_allowed());
        assert!(!limiter.take(manage, rate, 1).is_allowed());
        let export = BucketKey::id(EXPORT, 7u8);
        let other = BucketKey::id(MANAGE, 8u8);
        assert!(limiter.take(other, rate, 1).is_allowed());

        let remaining = |limiter: &LocalBuckets| -> Vec<u32> {
            let verdicts = limiter.peek(&[(manage, rate), (export, rate)]);
            verdicts.iter().map(|verdict| verdict.remaining).collect()
        };
        assert_eq!(remaining(&limiter), [0, 1]);
        assert!(limiter.take(export, rate, 1).is_allowed());
        assert_eq!(remaining(&limiter), [0, 0]);
    }

    #[test]
    fn memory_is_bounded_and_only_full_buckets_are_forgotten() {
        let (limiter, time) = limiter();
        let rate = Rate::new(2, 60).unwrap();
        let kept = |limiter: &LocalBuckets| -> usize {
            let kept_in = |shard: &Mutex<Shard>| {
                table_mut(&mut shard.lock().unwrap(), FAILURES)
                    .buckets
                    .len()
            };
            limiter.shards.iter().map(kept_in).sum()
        };
        let victim = network(0);
        limiter.take(victim, rate, 2);

        let crowd = 3 * (SHARDS * BUCKETS_PER_TABLE) as u64;
        let passed = (1..crowd)
            .filter(|&n| limiter.take(network(n), rate, 2).is_allowed())
            .count();
        assert_eq!(kept(&limiter), SHARDS * BUCKETS_PER_TABLE);
        assert!(
            passed <= SHARDS * BUCKETS_PER_TABLE + SHARDS,
            "those without room share a bucket, but {passed} passed"
        );
        assert!(
            !limiter.take(victim, rate, 1).is_allowed(),
            "a bucket in use was forgotten"
        );

        time.advance(Duration::from_secs(60));
        assert!(limiter.take(network(crowd), rate, 2).is_allowed());
        assert!(kept(&limiter) < SHARDS * BUCKETS_PER_TABLE);
    }
}
