//! Buckets in Redis, which several processes share.

use paneld_domain::{LimitGroup, Rate};
use paneld_redis::{Away, Redis, Script};
use sha2::{Digest as _, Sha256};

use crate::{
    BucketKey,
    bucket::{Bucket, Verdict},
};

/// Buckets that live in Redis, by its clock. A full one is not kept.
#[derive(Debug)]
pub(crate) struct SharedBuckets {
    redis: Redis,
    script: Script,
}

impl SharedBuckets {
    pub(crate) fn new(redis: Redis) -> Self {
        Self {
            redis,
            script: Script::new(include_str!("take.lua")),
        }
    }

    /// Takes `cost` tokens, or none when they do not all fit.
    pub(crate) async fn take(
        &self,
        key: BucketKey,
        rate: Rate,
        cost: u32,
    ) -> Result<Verdict, Away> {
        let (now, buckets) = self.run(cost, &[(key, rate)]).await?;
        let bucket = buckets.first().copied().unwrap_or_default();
        Ok(bucket.take(rate, cost, now).1)
    }

    /// What one subject's buckets hold; nothing is taken.
    pub(crate) async fn peek(&self, buckets: &[(BucketKey, Rate)]) -> Result<Vec<Verdict>, Away> {
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
        let keys = buckets.iter().map(|&(key, _)| self.name(key));
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

    /// The name of a bucket's key. All buckets of a subject are in one place of a Cluster.
    fn name(&self, key: BucketKey) -> String {
        let (prefix, group) = (self.redis.prefix(), key.group.as_str());
        let subject = match key.group {
            LimitGroup::Manage | LimitGroup::Export | LimitGroup::Insights | LimitGroup::Track => {
                key.subject
            }
            LimitGroup::TrackVisitor | LimitGroup::NewVisitors | LimitGroup::AuthFailures => {
                hash(prefix.as_str(), key.subject)
            }
        };
        format!("{prefix}limit:{{{subject:032x}}}:{group}")
    }
}

/// Addresses are nobody's business: Redis only gets to see their hashes.
fn hash(prefix: &str, address: u128) -> u128 {
    let mut hasher = Sha256::new();
    hasher.update(prefix);
    hasher.update([0]);
    hasher.update(address.to_be_bytes());
    let digest = hasher.finalize();
    let half = digest.first_chunk().copied().unwrap_or_default();
    u128::from_be_bytes(half)
}
