//! Buckets in Redis, which several processes share.

use std::str::FromStr;

use paneld_base::{InvalidValue, Rate};
use paneld_redis::{Away, Redis, Script};
use sha2::{Digest as _, Sha256};

use crate::{
    BucketKey, LimiterUnavailable,
    bucket::{Bucket, Verdict},
    key::half_of,
    local::LocalBuckets,
};

/// What becomes of requests while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisDown {
    /// Buckets in this process take over.
    Local,
    /// They are not limited, but for groups that are
    /// [always limited](paneld_base::LimitGroup::always_limited): those by buckets in this process.
    Open,
    /// They are refused: whoever asks the limiter gets [`LimiterUnavailable`].
    Closed,
}

impl FromStr for RedisDown {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "local" => Ok(Self::Local),
            "open" => Ok(Self::Open),
            "closed" => Ok(Self::Closed),
            _ => Err(InvalidValue::new("must be local, open or closed")),
        }
    }
}

/// Buckets that live in Redis, by its clock. A full one is not kept.
#[derive(Debug)]
pub(crate) struct SharedBuckets {
    redis: Redis,
    script: Script,
    down: RedisDown,
}

impl SharedBuckets {
    pub(crate) fn new(redis: Redis, down: RedisDown) -> Self {
        Self {
            redis,
            script: Script::new(include_str!("take.lua")),
            down,
        }
    }

    /// Takes `cost` tokens, or none when they do not all fit; from buckets in this process while
    /// they take over.
    pub(crate) async fn take_or(
        &self,
        local: &LocalBuckets,
        key: BucketKey,
        rate: Rate,
        cost: u32,
    ) -> Result<Option<Verdict>, LimiterUnavailable> {
        match (self.take(key, rate, cost).await, self.down) {
            (Ok(verdict), _) => Ok(Some(verdict)),
            (Err(Away), RedisDown::Open) if !key.group.is_always_limited() => Ok(None),
            (Err(Away), RedisDown::Local | RedisDown::Open) => {
                Ok(Some(local.take(key, rate, cost)))
            }
            (Err(Away), RedisDown::Closed) => Err(LimiterUnavailable(())),
        }
    }

    /// What one subject's buckets hold; nothing is taken. Of buckets in this process while they
    /// take over.
    pub(crate) async fn peek_or(
        &self,
        local: &LocalBuckets,
        buckets: &[(BucketKey, Rate)],
    ) -> Result<Vec<Verdict>, LimiterUnavailable> {
        let is_always_limited = |&(key, _): &(BucketKey, Rate)| key.group.is_always_limited();
        match (self.peek(buckets).await, self.down) {
            (Ok(verdicts), _) => Ok(verdicts),
            (Err(Away), RedisDown::Open) if !buckets.iter().any(is_always_limited) => {
                Ok(Vec::new())
            }
            (Err(Away), RedisDown::Local | RedisDown::Open) => Ok(local.peek(buckets)),
            (Err(Away), RedisDown::Closed) => Err(LimiterUnavailable(())),
        }
    }

    async fn take(&self, key: BucketKey, rate: Rate, cost: u32) -> Result<Verdict, Away> {
        let (now, buckets) = self.run(cost, &[(key, rate)]).await?;
        let bucket = buckets.first().copied().unwrap_or_default();
        Ok(bucket.take(rate, cost, now).1)
    }

    async fn peek(&self, buckets: &[(BucketKey, Rate)]) -> Result<Vec<Verdict>, Away> {
        let (now, found) = self.run(0, buckets).await?;
        let found = found.into_iter().zip(buckets);
        Ok(found
            .map(|(bucket, &(_, rate))| bucket.peek(rate, now))
            .collect())
    }

    /// Runs the script. Returns its time, and the buckets as it found them then.
    async fn run(
        &self,
        cost: u32,
        buckets: &[(BucketKey, Rate)],
    ) -> Result<(u64, Vec<Bucket>), Away> {
        let prefix = self.redis.prefix().as_str();
        let keys = buckets.iter().map(|&(key, _)| name(prefix, key));
        let keys = keys.collect::<Vec<_>>();
        let mut arguments = vec![u64::from(cost)];
        for (_, rate) in buckets {
            arguments.extend([rate.limit(), rate.window_seconds()].map(u64::from));
        }
        let reply = self.redis.run(&self.script, &keys, &arguments).await?;
        let (&now, missing) = reply.split_first().ok_or(Away)?;
        let found = missing.iter().zip(buckets);
        let found = found.map(|(&missing, &(_, rate))| Bucket::new(missing, rate, now));
        Ok((now, found.collect()))
    }
}

/// The name of a bucket's key. All buckets of a subject are in one place of a Cluster.
fn name(prefix: &str, key: BucketKey) -> String {
    let subject = if key.is_private {
        hash(prefix, key.subject)
    } else {
        key.subject
    };
    format!("{prefix}limit:{{{subject:032x}}}:{}", key.group)
}

/// Addresses and texts are nobody's business: Redis only gets to see their hashes.
fn hash(prefix: &str, subject: u128) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update(prefix);
    hasher.update([0]);
    hasher.update(subject.to_be_bytes());
    half_of(&hasher.finalize())
}

#[cfg(test)]
mod tests {
    use paneld_base::LimitGroup;

    use super::*;

    /// What is in Redis outlives the process that wrote it: names are never to change.
    #[test]
    fn names_are_those_of_earlier_versions() {
        const CLIENT: u128 = 0xfa0c278055f24d9ebea0da2e02c7b1a9;
        let group = LimitGroup::new;
        let address = [192, 0, 2, 77].into();
        for (key, expected) in [
            (
                BucketKey::id(group("manage"), CLIENT),
                "paneld:limit:{fa0c278055f24d9ebea0da2e02c7b1a9}:manage",
            ),
            (
                BucketKey::address(group("auth_failures"), address),
                "paneld:limit:{db7aa1dd84354c9bb874abf0dd9942c1}:auth_failures",
            ),
            (
                BucketKey::address_with(group("track_visitor"), CLIENT, address),
                "paneld:limit:{60677e68cec586dfbdcecf62958b54cf}:track_visitor",
            ),
            (
                BucketKey::text(group("searches"), "user:ada"),
                "paneld:limit:{5b2aaec56ddeb18c67e76aac8e671e9b}:searches",
            ),
        ] {
            assert_eq!(name("paneld:", key), expected);
        }
    }
}
