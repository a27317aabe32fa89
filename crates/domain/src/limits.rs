//! Rates: how often something may be done.

use std::{fmt, num::NonZeroU32, str::FromStr};

use crate::InvalidValue;

/// Groups of requests that share a token bucket, each with its own default rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LimitGroup {
    /// The Manage API, by client.
    Manage,
    /// The Export API, by client.
    Export,
    /// The Insights API, by client.
    Insights,
    /// Track with a secret, and Import, by client.
    Track,
    /// Track without a secret, of one visitor: anyone can send it.
    TrackVisitor,
    /// New visitor addresses that one peer claims for a client without its secret.
    NewVisitors,
    /// Failed authentication, by peer address.
    AuthFailures,
}

impl LimitGroup {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Manage,
        Self::Export,
        Self::Insights,
        Self::Track,
        Self::TrackVisitor,
        Self::NewVisitors,
        Self::AuthFailures,
    ];

    /// The name of the group's policy, on the wire and in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manage => "manage",
            Self::Export => "export",
            Self::Insights => "insights",
            Self::Track => "track",
            Self::TrackVisitor => "track_visitor",
            Self::NewVisitors => "new_visitors",
            Self::AuthFailures => "auth_failures",
        }
    }
}

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

/// A client's own rates, where they differ from the groups'.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientRateLimits {
    /// For the Manage API.
    pub manage: Option<Rate>,
    /// For the Export API.
    pub export: Option<Rate>,
    /// For the Insights API.
    pub insights: Option<Rate>,
    /// For Track and Import.
    pub track: Option<Rate>,
}

impl ClientRateLimits {
    /// The client's own rate for the group, if it has one.
    pub fn get(&self, group: LimitGroup) -> Option<Rate> {
        match group {
            LimitGroup::Manage => self.manage,
            LimitGroup::Export => self.export,
            LimitGroup::Insights => self.insights,
            LimitGroup::Track => self.track,
            // These are charged to addresses.
            LimitGroup::TrackVisitor | LimitGroup::NewVisitors | LimitGroup::AuthFailures => None,
        }
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
