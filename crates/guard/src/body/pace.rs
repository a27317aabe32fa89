//! How slowly a body may arrive.

use std::time::Duration;

/// How long a body may take whatever comes of it.
const GRACE: Duration = Duration::from_secs(10);
/// Then every byte buys time: a second for so many.
const BYTES_PER_SECOND: u32 = 1024;
/// But nobody buys more ahead than this: so long may a body rest.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long a body may take altogether.
const LONGEST: Duration = Duration::from_secs(120);

/// When a body began to arrive, and when more of it must be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    began: Duration,
    due: Duration,
}

impl Pace {
    pub(super) fn begin(now: Duration) -> Self {
        Self {
            began: now,
            due: now + GRACE,
        }
    }

    /// Something came.
    pub(super) fn receive(&mut self, bytes: usize, now: Duration) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bought = Duration::from_secs(1) * bytes / BYTES_PER_SECOND;
        self.due = (self.due + bought).min(now + LONGEST_REST);
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.due || self.age(now) >= LONGEST
    }

    pub(super) fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// After how many seconds a body is over that brings so many bytes each second.
    fn seconds(first: usize, each: usize) -> u32 {
        let start = 1_000 * SECOND;
        let mut pace = Pace::begin(start);
        pace.receive(first, start);
        let seconds = (1..1_000).find(|&second| {
            let now = start + second * SECOND;
            let is_over = pace.is_over(now);
            pace.receive(each, now);
            is_over
        });
        seconds.unwrap()
    }

    #[test]
    fn a_kibibyte_a_second_is_enough_for_two_minutes() {
        assert_eq!(seconds(0, 1024), 120);
        assert_eq!(seconds(0, 1_000_000), 120);
    }

    #[test]
    fn less_is_too_slow_after_ten_seconds() {
        assert_eq!(seconds(0, 0), 10);
        assert_eq!(seconds(0, 512), 19);
        assert_eq!(seconds(5 * 1024, 0), 15);
    }

    #[test]
    fn nobody_rests_on_what_it_sent() {
        assert_eq!(seconds(8 * 1024 * 1024 - 1, 0), 30);
    }
}
