//! The arithmetic of one token bucket.
//!
//! A bucket holds `limit` tokens and refills continuously, `limit` tokens in a window. To stay
//! in whole numbers a level is counted in *parts*: a token has as many parts as the window has
//! microseconds, so that exactly `limit` parts flow in each microsecond. What is kept is how
//! many parts are missing, and since when: a full bucket is all zeros and need not be kept.

use std::time::Duration;

use paneld_base::Rate;

/// The state of a bucket: what is missing, as of a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// How many parts are missing from a full bucket.
    missing: u64,
    /// The moment that goes with it, in microseconds of the limiter's clock.
    as_of: u64,
}

/// What a bucket says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The rate that the bucket has.
    pub rate: Rate,
    /// How many whole tokens are left.
    pub remaining: u32,
    /// Time until the bucket is full.
    pub full_in: Duration,
    /// Time until the cost would fit, when it does not now. Zero tokens were taken then.
    pub retry_in: Option<Duration>,
}

impl Verdict {
    /// Whether the request may pass.
    pub fn is_allowed(&self) -> bool {
        self.retry_in.is_none()
    }

    /// Time until there is a token, when there is none now.
    pub fn token_in(&self) -> Option<Duration> {
        let limit = u64::from(self.rate.limit());
        let all_others = token(self.rate) * (limit - 1) / limit;
        let token_in = self
            .full_in
            .saturating_sub(Duration::from_micros(all_others));
        (self.remaining == 0).then_some(token_in)
    }
}

impl Bucket {
    /// A bucket that was kept elsewhere: so many parts are missing at `now`, at most all.
    #[cfg(feature = "redis")]
    pub(crate) fn new(missing: u64, rate: Rate, now: u64) -> Self {
        Self {
            missing: missing.min(capacity(rate)),
            as_of: now,
        }
    }

    /// The bucket after `cost` tokens were asked for at `now` (microseconds), and the verdict.
    /// Either all tokens are taken, or none.
    ///
    /// A clock that went back refills nothing, and the bucket goes on from the new time.
    pub fn take(self, rate: Rate, cost: u32, now: u64) -> (Self, Verdict) {
        let missing = self.missing_at(rate, now);
        let wanted = missing.saturating_add(u64::from(cost).saturating_mul(token(rate)));
        let lacking = wanted.saturating_sub(capacity(rate));
        let after = Self {
            missing: if lacking == 0 { wanted } else { missing },
            as_of: now,
        };
        let retry_in = (lacking > 0).then(|| refill_time(rate, lacking));
        (after, after.verdict(rate, retry_in))
    }

    /// The bucket at `now`, as full in proportion at another rate as it was at its own.
    pub fn rescaled(self, from: Rate, to: Rate, now: u64) -> Self {
        if from == to {
            return self;
        }
        let missing = u128::from(self.missing_at(from, now)) * u128::from(capacity(to));
        let missing = missing.div_ceil(u128::from(capacity(from)));
        Self {
            // No more than the whole of the new capacity, which is 64 bits.
            missing: u64::try_from(missing).unwrap_or(u64::MAX),
            as_of: now,
        }
    }

    /// What the bucket holds at `now`; nothing is taken.
    pub fn peek(self, rate: Rate, now: u64) -> Verdict {
        self.take(rate, 0, now).1
    }

    /// Whether the bucket is full at `now`, and so as good as a new one.
    pub fn is_full(self, rate: Rate, now: u64) -> bool {
        self.missing_at(rate, now) == 0
    }

    fn missing_at(self, rate: Rate, now: u64) -> u64 {
        let elapsed = now.saturating_sub(self.as_of);
        let refilled = elapsed.saturating_mul(u64::from(rate.limit()));
        self.missing.saturating_sub(refilled)
    }

    fn verdict(self, rate: Rate, retry_in: Option<Duration>) -> Verdict {
        let left = (capacity(rate) - self.missing) / token(rate);
        Verdict {
            rate,
            // At most the limit, which is 32 bits.
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            full_in: refill_time(rate, self.missing),
            retry_in,
        }
    }
}

/// The parts of one token.
fn token(rate: Rate) -> u64 {
    u64::from(rate.window_seconds()) * 1_000_000
}

/// The parts of a full bucket: at most 2^53, as [`Rate`] sees to.
fn capacity(rate: Rate) -> u64 {
    token(rate) * u64::from(rate.limit())
}

fn refill_time(rate: Rate, parts: u64) -> Duration {
    Duration::from_micros(parts.div_ceil(u64::from(rate.limit())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000;

    fn manage() -> Rate {
        Rate::new(20, 10).unwrap()
    }

    #[test]
    fn a_burst_empties_the_bucket_and_time_refills_it() {
        let rate = manage();
        let mut bucket = Bucket::default();
        for left in (0..20).rev() {
            let (after, verdict) = bucket.take(rate, 1, SECOND);
            assert_eq!((verdict.is_allowed(), verdict.remaining), (true, left));
            bucket = after;
        }
        let (bucket, denied) = bucket.take(rate, 1, SECOND);
        assert_eq!(denied.retry_in, Some(Duration::from_millis(500)));
        assert_eq!(denied.full_in, Duration::from_secs(10));
        let (_, early) = bucket.take(rate, 1, SECOND + 499_999);
        assert!(!early.is_allowed());
        let (_, then) = bucket.take(rate, 1, SECOND + 500_000);
        assert!(then.is_allowed());
    }

    #[test]
    fn a_clock_that_goes_back_neither_refills_nor_blocks() {
        let rate = manage();
        let (empty, _) = Bucket::default().take(rate, 20, 100 * SECOND);
        let (bucket, verdict) = empty.take(rate, 1, 50 * SECOND);
        assert!(!verdict.is_allowed());
        let (_, later) = bucket.take(rate, 1, 51 * SECOND);
        assert!(later.is_allowed());
    }

    #[test]
    fn a_cost_above_the_limit_is_never_allowed() {
        let (bucket, verdict) = Bucket::default().take(manage(), 21, 0);
        assert!(!verdict.is_allowed());
        assert_eq!(bucket, Bucket::default());
    }

    #[test]
    fn a_change_of_its_rate_leaves_a_bucket_as_full_as_it_was() {
        let (slow, fast) = (Rate::new(1, 1).unwrap(), Rate::new(200, 10).unwrap());
        let (empty, _) = Bucket::default().take(slow, 1, SECOND);
        let there = empty.rescaled(slow, fast, SECOND);
        assert_eq!(there.peek(fast, SECOND).remaining, 0);
        let back = there.rescaled(fast, slow, SECOND);
        assert_eq!(back.peek(slow, SECOND).remaining, 0);

        let (half, _) = Bucket::default().take(fast, 100, SECOND);
        let half = half.rescaled(fast, manage(), SECOND);
        assert_eq!(half.peek(manage(), SECOND).remaining, 10);
    }

    fn rates() -> impl Strategy<Value = Rate> {
        (1u32..=100_000, 1u32..=86_400)
            .prop_filter_map("too large", |(limit, window)| Rate::new(limit, window).ok())
    }

    proptest! {
        /// The rule itself: in any stretch of time no more passes than a full bucket and what
        /// flows in meanwhile.
        #[test]
        fn never_more_than_burst_and_refill(
            rate in rates(),
            steps in prop::collection::vec((0u64..20 * SECOND, 1u32..50), 1..200),
        ) {
            let (mut bucket, mut now, mut passed) = (Bucket::default(), 0, 0u128);
            for (wait, cost) in steps {
                now += wait;
                let (after, verdict) = bucket.take(rate, cost, now);
                if verdict.is_allowed() {
                    passed += u128::from(cost);
                }
                bucket = after;
                let flowed = u128::from(now) * u128::from(rate.limit());
                let allowed = u128::from(capacity(rate)) + flowed;
                prop_assert!(passed * u128::from(token(rate)) <= allowed);
            }
        }

        /// Nothing is refused that fits: a verdict's own waiting time is enough, and a
        /// microsecond less is not.
        #[test]
        fn the_waiting_time_is_exact(
            rate in rates(),
            spent in 1u32..=100_000,
            cost in 1u32..=100_000,
            start in 0u64..1 << 50,
        ) {
            let (spent, cost) = (spent.min(rate.limit()), cost.min(rate.limit()));
            let (bucket, _) = Bucket::default().take(rate, spent, start);
            let (bucket, verdict) = bucket.take(rate, cost, start);
            if let Some(wait) = verdict.retry_in {
                let wait = u64::try_from(wait.as_micros()).unwrap();
                prop_assert!(bucket.take(rate, cost, start + wait).1.is_allowed());
                prop_assert!(!bucket.take(rate, cost, start + wait - 1).1.is_allowed());
            } else {
                prop_assert!(spent + cost <= rate.limit());
            }
        }

        /// Who only looks learns when a token will be there, to a microsecond.
        #[test]
        fn the_time_to_a_token_is_known(rate in rates(), wait in 0u64..20 * SECOND) {
            let (empty, _) = Bucket::default().take(rate, rate.limit(), 0);
            let seen = empty.peek(rate, wait);
            if let Some(token_in) = seen.token_in() {
                let then = wait + u64::try_from(token_in.as_micros()).unwrap();
                prop_assert!(empty.take(rate, 1, then).1.is_allowed());
                prop_assert!(!empty.take(rate, 1, then.saturating_sub(2)).1.is_allowed());
            } else {
                prop_assert!(empty.take(rate, 1, wait).1.is_allowed());
            }
        }

        /// Asking often and in vain costs nothing, whole tokens are counted down, and the time
        /// to full is exact.
        #[test]
        fn denied_requests_are_free(
            rate in rates(),
            asks in prop::collection::vec(0u64..SECOND, 1..50),
        ) {
            let (mut bucket, first) = Bucket::default().take(rate, rate.limit(), 0);
            prop_assert_eq!(first.remaining, 0);
            let mut now = 0;
            for wait in asks {
                now += wait;
                let (after, verdict) = bucket.take(rate, rate.limit(), now);
                if !verdict.is_allowed() {
                    let full = Duration::from_micros(token(rate) - now);
                    prop_assert_eq!(verdict.full_in, full);
                    prop_assert_eq!(verdict.retry_in, Some(full));
                }
                bucket = after;
                if verdict.is_allowed() { break; }
            }
        }

        /// Changing the rate to and fro never wins a token.
        #[test]
        fn rescaling_wins_nothing(
            first in rates(), second in rates(), spent in 1u32..=100_000, now in 0u64..1 << 40,
        ) {
            let (bucket, before) = Bucket::default().take(first, spent.min(first.limit()), now);
            let there = bucket.rescaled(first, second, now);
            prop_assert!(there.missing <= capacity(second));
            let after = there.rescaled(second, first, now).peek(first, now);
            prop_assert!(after.remaining <= before.remaining);
        }

        /// A full bucket need not be kept: it behaves like a new one.
        #[test]
        fn a_full_bucket_is_a_new_bucket(
            rate in rates(), spent in 1u32..=100_000, cost in 1u32..=100_000, extra in 0u64..SECOND,
        ) {
            let (bucket, verdict) = Bucket::default().take(rate, spent.min(rate.limit()), 0);
            let full_at = u64::try_from(verdict.full_in.as_micros()).unwrap();
            prop_assert!(bucket.is_full(rate, full_at));
            prop_assert!(!bucket.is_full(rate, full_at - 1));
            let later = full_at + extra;
            prop_assert_eq!(
                bucket.take(rate, cost, later),
                Bucket::default().take(rate, cost, later)
            );
        }
    }
}
