//! The limiter: buckets in this process, or shared with others.

use std::net::SocketAddr;

use paneld_base::{Clock, Rate};
#[cfg(feature = "redis")]
use paneld_redis::Redis;

use crate::{
    BucketKey, LimiterUnavailable, bucket::Verdict, local::LocalBuckets, waiting::Waiting,
};
#[cfg(feature = "redis")]
use crate::{RedisDown, shared::SharedBuckets};

/// Decides who may pass: keeps a token bucket for each key.
///
/// Its buckets are in this process, in bounded memory: about 3 MB for each group at most. With the
/// feature `redis` they may be in Redis, where all processes draw on the same ones.
///
/// ```
/// use paneld_ratelimit::{BucketKey, Clock, LimitGroup, Limiter, Rate};
///
/// const SEARCHES: LimitGroup = LimitGroup::new("searches");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), paneld_ratelimit::LimiterUnavailable> {
/// let limiter = Limiter::new(Clock::system());
/// let (ada, rate) = (BucketKey::text(SEARCHES, "user:ada"), Rate::of(3, 60));
/// for (cost, left) in [(1, Some(2)), (2, Some(0)), (1, None)] {
///     let verdict = limiter.check(ada, rate, cost).await?;
///     let left_now = verdict.filter(|it| it.is_allowed()).map(|it| it.remaining);
///     assert_eq!(left_now, left);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Limiter {
    pub(crate) local: LocalBuckets,
    #[cfg(feature = "redis")]
    pub(crate) shared: Option<SharedBuckets>,
    waiting: Waiting,
}

impl Limiter {
    /// A limiter in this process, whose buckets are all full.
    pub fn new(clock: Clock) -> Self {
        Self {
            local: LocalBuckets::new(clock.clone()),
            #[cfg(feature = "redis")]
            shared: None,
            waiting: Waiting::new(clock),
        }
    }

    /// A limiter whose buckets are in Redis, where all processes of one key prefix draw on the
    /// same ones. While Redis is away it does as `down` says.
    #[cfg(feature = "redis")]
    pub fn shared(redis: Redis, down: RedisDown, clock: Clock) -> Self {
        let mut limiter = Self::new(clock);
        limiter.shared = Some(SharedBuckets::new(redis, down));
        limiter
    }

    /// Takes `cost` tokens from a bucket of this rate, or none when they do not all fit. A bucket
    /// whose rate changes stays as full as it was. `None` when there is no limit for now.
    ///
    /// # Errors
    /// When Redis is away and requests are to be refused then.
    pub async fn check(
        &self,
        key: BucketKey,
        rate: Rate,
        cost: u32,
    ) -> Result<Option<Verdict>, LimiterUnavailable> {
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.shared {
            return shared.take_or(&self.local, key, rate, cost).await;
        }
        Ok(Some(self.local.take(key, rate, cost)))
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
        #[cfg(feature = "redis")]
        if let Some(shared) = &self.shared {
            return shared.peek_or(&self.local, buckets).await;
        }
        Ok(self.local.peek(buckets))
    }
}
