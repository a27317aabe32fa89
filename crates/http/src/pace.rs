//! How fast a reader takes what it is sent: too slow a one loses its place to others.

use std::time::Duration;

/// So long a reader may be behind.
const GRACE: Duration = Duration::from_secs(10);

/// So many bytes a second make up for the time that they take.
const FLOOR: u64 = 32 << 10;

/// The same, while others wait for the place.
const CROWDED_FLOOR: u64 = 256 << 10;

/// So long a reply may take, however fast it is read: the event store keeps everything as it was
/// when the reply began.
pub(crate) const LONGEST: Duration = Duration::from_secs(60 * 60);

/// The pace of a reader. Only the time counts for which bytes wait for it.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    behind: Duration,
}

impl Pace {
    /// How long so many bytes may take that nobody waits to see read.
    pub(crate) fn time_for(bytes: usize) -> Duration {
        GRACE + due(bytes, FLOOR)
    }

    /// How long the reader may let the next bytes wait.
    pub(crate) fn patience(&self) -> Duration {
        GRACE.saturating_sub(self.behind)
    }

    /// Notes that it let bytes wait for so long and took them. Taking much at once saves nothing
    /// for later.
    pub(crate) fn note(&mut self, bytes: usize, waited: Duration, is_crowded: bool) {
        let floor = if is_crowded { CROWDED_FLOOR } else { FLOOR };
        self.behind = (self.behind + waited).saturating_sub(due(bytes, floor));
    }
}

/// How long so many bytes take at a rate.
fn due(bytes: usize, rate: u64) -> Duration {
    Duration::from_millis((bytes as u64).saturating_mul(1_000) / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: usize = 64 << 10;

    /// How long a reader lasts that takes so many bytes a second.
    fn lasts(rate: u64, is_crowded: bool) -> Option<Duration> {
        let mut pace = Pace::default();
        // What it took at once in the beginning is of no use.
        pace.note(1 << 30, Duration::ZERO, is_crowded);
        let each = Duration::from_millis(CHUNK as u64 * 1_000 / rate);
        let mut time = Duration::ZERO;
        while time < LONGEST {
            if each > pace.patience() {
                return Some(time + pace.patience());
            }
            pace.note(CHUNK, each, is_crowded);
            time += each;
        }
        None
    }

    #[test]
    fn slow_readers_last_seconds_and_sooner_while_others_wait() {
        assert_eq!(lasts(1, false), Some(GRACE));
        assert_eq!(lasts(33 << 10, false), None);
        assert!(lasts(16 << 10, false).unwrap() <= Duration::from_secs(25));
        assert_eq!(lasts(260 << 10, true), None);
        assert!(lasts(100 << 10, true).unwrap() <= Duration::from_secs(20));
    }
}
