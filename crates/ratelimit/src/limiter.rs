//! The limiter: buckets in this process, or shared with others through Redis.

use std::{net::SocketAddr, str::FromStr};

use paneld_domain::{Clock, InvalidValue, LimitGroup, Rate};
use paneld_redis::{Away, Redis};

use crate::{
    BucketKey, bucket::Verdict, local::LocalBuckets, shared::SharedBuckets, waiting::Waiting,
};

/// Decides who may pass.
///
/// Its buckets are in this process, in bounded memory; or in Redis, where all processes draw on
/// the same ones. While Redis is away it does as [`RedisDown`] says.
#[derive(Debug)]
pub struct Limiter {
    local: LocalBuckets,
    shared: Option<(SharedBuckets, RedisDown)>,
    waiting: Waiting,
}

/// What becomes of requests while Redis is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedisDown {
    /// Buckets in this process take over.
    Local,
    /// They are not limited; failed authentication is, by buckets in this process.
    Open,
    /// They are refused.
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

/// Nobody can say whether the request may pass, and so it may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate limit cannot be asked")]
pub struct LimiterUnavailable(#[from] Away);

impl Limiter {
    /// A limiter in this process.
    pub fn new(clock: Clock) -> Self {
        Self {
            local: LocalBuckets::new(clock.clone()),
            shared: None,
            waiting: Waiting::new(clock),
        }
    }

    /// A limiter whose buckets are in Redis.
    pub fn shared(redis: Redis, down: RedisDown, clock: Clock) -> Self {
        Self {
            shared: Some((SharedBuckets::new(redis), down)),
            ..Self::new(clock)
        }
    }

    /// Takes `cost` tokens, or none when they do not all fit. `None` when there is no limit for
    /// now.
    ///
    /// # Errors
    /// When Redis is away and requests are to be refused then.
    pub async fn take(
        &self,
        key: BucketKey,
        rate: Rate,
        cost: u32,
    ) -> Result<Option<Verdict>, LimiterUnavailable> {
        let local = || Ok(Some(self.local.take(key, rate, cost)));
        let Some((shared, down)) = &self.shared else {
            return local();
        };
        match (shared.take(key, rate, cost).await, down) {
            (Ok(verdict), _) => Ok(Some(verdict)),
            (Err(Away), RedisDown::Local) => local(),
            // Without a limit on failures secrets could be guessed.
            (Err(Away), RedisDown::Open) if key.group == LimitGroup::AuthFailures => local(),
            (Err(Away), RedisDown::Open) => Ok(None),
            (Err(away @ Away), RedisDown::Closed) => Err(away.into()),
        }
    }

    /// The same verdict; where it denies, with a time to wait that others who ask for tokens of
    /// this bucket are not told as well, as far as they ask from elsewhere.
    pub fn spread(&self, key: BucketKey, verdict: Verdict, from: SocketAddr) -> Verdict {
        let wait = |token_in| self.waiting.wait(key, verdict.rate, from, token_in);
        Verdict {
            retry_in: verdict.retry_in.map(wait),
            ..verdict
        }
    }

    /// What one subject's buckets hold at these rates; nothing is taken. Empty when there is no
    /// limit for now.
    ///
    /// # Errors
    /// When Redis is away and requests are to be refused then.
    pub async fn peek(
        &self,
        buckets: &[(BucketKey, Rate)],
    ) -> Result<Vec<Verdict>, LimiterUnavailable> {
        let local = || Ok(self.local.peek(buckets));
        let Some((shared, down)) = &self.shared else {
            return local();
        };
        let is_of_failures = |&(key, _): &(BucketKey, Rate)| key.group == LimitGroup::AuthFailures;
        match (shared.peek(buckets).await, down) {
            (Ok(verdicts), _) => Ok(verdicts),
            (Err(Away), RedisDown::Local) => local(),
            (Err(Away), RedisDown::Open) if buckets.iter().any(is_of_failures) => local(),
            (Err(Away), RedisDown::Open) => Ok(Vec::new()),
            (Err(away @ Away), RedisDown::Closed) => Err(away.into()),
        }
    }
}
