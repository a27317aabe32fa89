//! Rates: how often something may be done.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::InvalidValue;

/// So many requests in so many seconds: a token bucket that holds `limit` tokens and fills up
/// in `window_seconds`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    limit: NonZeroU32,
    window_seconds: NonZeroU32,
}

impl Rate {
    /// Limit times window, in microseconds, stays a whole number in every place where it is
    /// computed, Redis's doubles included.
    const MAX_PRODUCT: u64 = 1 << 53;

    /// A rate of `limit` requests in `window_seconds`.
    ///
    /// # Errors
    /// When either is zero, or their product is beyond what can be counted exactly.
    pub const fn new(limit: u32, window_seconds: u32) -> Result<Self, RateError> {
        let (Some(limit), Some(window_seconds)) =
            (NonZeroU32::new(limit), NonZeroU32::new(window_seconds))
        else {
            return Err(RateError::Zero);
        };
        let micros = window_seconds.get() as u64 * 1_000_000;
        match micros.checked_mul(limit.get() as u64) {
            Some(product) if product <= Self::MAX_PRODUCT => Ok(Self {
                limit,
                window_seconds,
            }),
            _ => Err(RateError::TooLarge),
        }
    }

    /// The same as [`new`](Self::new), for constants.
    ///
    /// ```
    /// use paneld_base::Rate;
    ///
    /// const SEARCHES: Rate = Rate::of(100, 10);
    /// assert_eq!(SEARCHES.to_string(), "100/10s");
    /// ```
    ///
    /// # Panics
    /// Where [`new`](Self::new) has an error: while compiling, where the rate is a constant.
    pub const fn of(limit: u32, window_seconds: u32) -> Self {
        match Self::new(limit, window_seconds) {
            Ok(rate) => rate,
            Err(RateError::Zero) => panic!("a rate has a limit and a window of at least 1"),
            Err(RateError::TooLarge) => panic!("a rate's limit or window is too large"),
        }
    }

    /// How many requests pass at once when none came for a window.
    pub fn limit(self) -> u32 {
        self.limit.get()
    }

    /// How many seconds an empty bucket takes to fill up.
    pub fn window_seconds(self) -> u32 {
        self.window_seconds.get()
    }

    /// Whether a client may be given this rate where the group's own is `group`: neither its
    /// burst nor its sustained rate is more than `factor` times the group's.
    pub fn is_within(self, group: Self, factor: u32) -> bool {
        let times =
            |rate: Self, other: Self| u128::from(rate.limit()) * u128::from(other.window_seconds());
        let most = u128::from(factor);
        u128::from(self.limit()) <= most * u128::from(group.limit())
            && times(self, group) <= most * times(group, self)
    }
}

/// Why two numbers are no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// The limit or the window is zero.
    #[error("must have a limit and a window of at least 1")]
    Zero,
    /// Limit times window is too large.
    #[error("has too large a limit or window")]
    TooLarge,
}

impl From<RateError> for InvalidValue {
    fn from(error: RateError) -> Self {
        Self::new(error.to_string())
    }
}

impl FromStr for Rate {
    type Err = InvalidValue;

    /// Reads `20/10s`; the window is in seconds (`s`), minutes (`m`) or hours (`h`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || InvalidValue::new("must be a rate such as 20/10s, or off");
        let (limit, window) = text.split_once('/').ok_or_else(shape)?;
        let unit = match window.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            _ => return Err(shape()),
        };
        let number = |digits: &str| {
            digits
                .parse::<u32>()
                .map_err(|_not_a_number| shape())
                .map(u64::from)
        };
        let seconds = number(&window[..window.len() - 1])? * unit;
        let seconds = u32::try_from(seconds).map_err(|_beyond| RateError::TooLarge)?;
        let limit = u32::try_from(number(limit)?).map_err(|_beyond| RateError::TooLarge)?;
        Ok(Self::new(limit, seconds)?)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.window_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_is_a_limit_and_a_window() {
        assert_eq!(rate("20/10s"), Rate::new(20, 10).unwrap());
        assert_eq!(rate("30/1m").to_string(), "30/60s");
        assert_eq!(rate("5/2h").window_seconds(), 7_200);
        for wrong in [
            "",
            "20",
            "20/",
            "20/10",
            "/10s",
            "0/10s",
            "20/0s",
            "-1/10s",
            "20/10d",
            "x/10s",
            "off",
            "20/10é",
            // Beyond what a double counts exactly.
            "4294967295/1h",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_clients_rate_is_held_to_burst_and_pace() {
        let group = rate("20/10s");
        assert!(rate("200/10s").is_within(group, 10));
        assert!(!rate("201/10s").is_within(group, 10));
        assert!(rate("20/1s").is_within(group, 10));
        assert!(!rate("200/1s").is_within(group, 10), "ten times ten");
        assert!(rate("1/60s").is_within(group, 10));
    }
}
