//! How a figure went, compared with the period before: `docs/contract/export.md` §6.6.

use crate::figures::round_to_cents;

/// The direction in which a figure went since the period before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trend {
    /// It is greater than before.
    Positive,
    /// It is less than before.
    Negative,
    /// It is the same as before.
    Neutral,
}

impl Trend {
    /// The name by which it is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Negative => "negative",
            Self::Neutral => "neutral",
        }
    }
}

/// What a figure was in the period before, and how it went since.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delta {
    /// The figure of the period before.
    pub value: f64,
    /// By how many percent the greater of the two exceeds the smaller, to one decimal and never
    /// negative; `None` when they are equal or the smaller is 0.
    pub diff: Option<f64>,
    /// By how many percent the figure rose, to two decimals; `None` when it was 0 before.
    pub change: Option<f64>,
    /// The direction in which the figure went.
    pub trend: Trend,
}

impl Delta {
    /// Compares a figure with that of the period before.
    pub fn between(before: f64, now: f64) -> Self {
        let trend = match now.partial_cmp(&before) {
            Some(std::cmp::Ordering::Greater) => Trend::Positive,
            Some(std::cmp::Ordering::Less) => Trend::Negative,
            Some(std::cmp::Ordering::Equal) | None => Trend::Neutral,
        };
        let (smaller, greater) = (before.min(now), before.max(now));
        let is_comparable = trend != Trend::Neutral && smaller != 0.0;
        let diff = (greater / smaller - 1.0).abs() * 100.0;
        let change = (now - before) / before * 100.0;
        Self {
            value: before,
            diff: Some((diff * 10.0).round() / 10.0).filter(|_| is_comparable),
            change: Some(round_to_cents(change)).filter(|_| before != 0.0),
            trend,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_doubles() {
        let fell = Delta::between(10.0, 5.0);
        assert_eq!(
            (fell.diff, fell.change, fell.trend),
            (Some(100.0), Some(-50.0), Trend::Negative)
        );
        let rose = Delta::between(22.0, 25.0);
        assert_eq!(
            (rose.diff, rose.change, rose.trend),
            (Some(13.6), Some(13.64), Trend::Positive)
        );
    }

    #[test]
    fn nothing_has_no_percentage() {
        let new = Delta::between(0.0, 5.0);
        assert_eq!(
            (new.diff, new.change, new.trend),
            (None, None, Trend::Positive)
        );
        let gone = Delta::between(5.0, 0.0);
        assert_eq!(
            (gone.diff, gone.change, gone.trend),
            (None, Some(-100.0), Trend::Negative)
        );
        let same = Delta::between(5.0, 5.0);
        assert_eq!(
            (same.diff, same.change, same.trend),
            (None, Some(0.0), Trend::Neutral)
        );
    }
}
