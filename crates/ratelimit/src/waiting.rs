//! Who was told to wait, and until when.
//!
//! A bucket says when there is a token again. If all who ask were told that moment, all would come
//! back at it, and all but one in vain. So each is told the moment of a token of its own. This is
//! advice, no reservation: whoever comes earlier and finds a token takes it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use paneld_base::{Clock, Rate};

use crate::BucketKey;

/// So many buckets are kept in mind, and so many of those who wait for each: 6 MB at most. Others
/// are told what their bucket says, or the last moment that somebody else was told.
const MOST_BUCKETS: usize = 1_024;
const MOST_WAITING: usize = 128;

/// Those who wait, by their buckets. In this process, wherever the buckets are.
#[derive(Debug)]
pub(crate) struct Waiting {
    clock: Clock,
    buckets: Mutex<HashMap<BucketKey, Vec<Waiter>>>,
}

#[derive(Debug)]
struct Waiter {
    /// From where it asks: those who share credentials have connections of their own.
    from: SocketAddr,
    /// Until when it was told to wait, by the clock's elapsed time.
    until: Duration,
}

impl Waiting {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
        }
    }

    /// For how long somebody is to wait for a token that is there in `token_in` for the first who
    /// comes. Whoever asks again before that is told the same moment.
    pub(crate) fn wait(
        &self,
        key: BucketKey,
        rate: Rate,
        from: SocketAddr,
        token_in: Duration,
    ) -> Duration {
        let now = self.clock.elapsed();
        let earliest = now + token_in;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, waiting| waiting.iter().any(|waiter| waiter.until > now));
            if buckets.len() >= MOST_BUCKETS {
                return token_in;
            }
        }
        let waiting = buckets.entry(key).or_default();
        waiting.retain(|waiter| waiter.until > now);
        if let Some(known) = waiting.iter().find(|waiter| waiter.from == from) {
            return known.until.max(earliest) - now;
        }
        let last = waiting.iter().map(|waiter| waiter.until).max();
        let token = Duration::from_secs(rate.window_seconds().into()) / rate.limit();
        let until = match last {
            Some(last) if waiting.len() < MOST_WAITING => earliest.max(last + token),
            Some(last) => return earliest.max(last) - now,
            None => earliest,
        };
        waiting.push(Waiter { from, until });
        until - now
    }
}

#[cfg(test)]
mod tests {
    use paneld_base::{LimitGroup, ManualClock, Timestamp};

    use super::*;

    fn waiting() -> (Waiting, ManualClock) {
        let time = ManualClock::starting_at(Timestamp::UNIX_EPOCH);
        (Waiting::new(time.clock()), time)
    }

    fn key(subject: u128) -> BucketKey {
        BucketKey::id(LimitGroup::new("manage"), subject)
    }

    fn from(port: u16) -> SocketAddr {
        ([127, 0, 0, 1], port).into()
    }

    #[test]
    fn each_has_a_moment_of_its_own_and_keeps_it() {
        let (waiting, time) = waiting();
        let rate = Rate::new(20, 10).unwrap();
        let token = Duration::from_millis(500);
        let told = |port| waiting.wait(key(1), rate, from(port), token).as_millis();
        assert_eq!([1, 2, 3].map(told), [500, 1_000, 1_500]);
        assert_eq!([2, 1].map(told), [1_000, 500]);
        time.advance(Duration::from_millis(500));
        // The first one's moment has come; if it asks again, it stands at the end.
        assert_eq!([2, 3, 1].map(told), [500, 1_000, 1_500]);
        // Others' buckets have nothing to do with it.
        assert_eq!(waiting.wait(key(2), rate, from(9), token), token);
        time.advance(Duration::from_secs(10));
        assert_eq!(told(7), 500);
    }

    #[test]
    fn those_who_wait_are_bounded() {
        let (waiting, time) = waiting();
        let rate = Rate::new(1, 1).unwrap();
        let token = Duration::from_secs(1);
        for port in 1..1_000 {
            let told = waiting.wait(key(1), rate, from(port), token).as_secs();
            assert_eq!(told, u64::from(port).min(MOST_WAITING as u64));
        }
        for number in 0..2_000 {
            waiting.wait(key(number), rate, from(1), token);
        }
        let kept = |waiting: &Waiting| waiting.buckets.lock().unwrap().len();
        assert_eq!(kept(&waiting), MOST_BUCKETS);
        time.advance(Duration::from_secs(1_000));
        waiting.wait(key(5_000), rate, from(1), token);
        assert_eq!(kept(&waiting), 1);
    }
}
