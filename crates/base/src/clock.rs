//! Where the time comes from.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// A moment in UTC, cut to microseconds where it is made: that is what every catalog keeps.
pub type Timestamp = DateTime<Utc>;

/// By how much the clocks of servers may differ, and one clock may be put back, before what lies
/// ahead is taken for the work of a clock that was wrong.
pub const CLOCK_LEEWAY: TimeDelta = TimeDelta::minutes(5);

/// Whether a moment that a server noted lies so far ahead of now that its clock must have been wrong.
pub fn is_ahead(noted: Timestamp, now: Timestamp) -> bool {
    noted - now > CLOCK_LEEWAY
}

/// Where the time comes from: the system, or a test that sets it.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System { origin: Instant },
    Manual(Arc<ManualTime>),
}

impl Clock {
    /// The clock of the system that the process runs on.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for the time"
    )]
    pub fn system() -> Self {
        Self(Source::System {
            origin: Instant::now(),
        })
    }

    /// The current moment, in whole microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system for the time"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { .. } => Utc::now().trunc_subsecs(6),
            Source::Manual(time) => from_micros(time.shown.load(Ordering::SeqCst)),
        }
    }

    /// Time since some fixed moment, which never goes back: for ages and rates.
    pub fn elapsed(&self) -> Duration {
        match &self.0 {
            Source::System { origin } => origin.elapsed(),
            Source::Manual(time) => Duration::from_micros(time.elapsed.load(Ordering::SeqCst)),
        }
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<ManualTime>);

/// What a manual clock shows, and how much time passed, both in microseconds.
#[derive(Debug)]
struct ManualTime {
    shown: AtomicI64,
    elapsed: AtomicU64,
}

impl ManualClock {
    /// A clock that shows this moment.
    pub fn starting_at(moment: Timestamp) -> Self {
        let micros = moment.timestamp_micros();
        Self(Arc::new(ManualTime {
            shown: AtomicI64::new(micros),
            elapsed: AtomicU64::new(micros.unsigned_abs()),
        }))
    }

    /// Moves the clock forward, and lets as much time pass.
    pub fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.shown.fetch_add(micros, Ordering::SeqCst);
        self.0
            .elapsed
            .fetch_add(micros.unsigned_abs(), Ordering::SeqCst);
    }

    /// Makes the clock show another moment, earlier or later, without time passing.
    pub fn set(&self, moment: Timestamp) {
        self.0
            .shown
            .store(moment.timestamp_micros(), Ordering::SeqCst);
    }

    /// The [`Clock`] to hand to what is tested.
    pub fn clock(&self) -> Clock {
        Clock(Source::Manual(Arc::clone(&self.0)))
    }
}

fn from_micros(micros: i64) -> Timestamp {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let time = ManualClock::starting_at(DateTime::UNIX_EPOCH);
        let clock = time.clock();
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        time.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().timestamp_millis(), 1500);
        assert_eq!(clock.elapsed(), Duration::from_millis(1500));
        time.set(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH);
        assert_eq!(clock.elapsed(), Duration::from_millis(1500));
    }
}
