//! Where sessions come from and what visitors use: `docs/contract/insights.md` §7.4.

use paneld_domain::InvalidValue;

use crate::{
    figures::{mean_seconds, percent},
    filter::{Filter, named},
    paging::Paging,
    window::Window,
};

named! {
    /// By what sessions are told apart.
    Dimension {
        /// The URL of the referrer.
        Referrer = "referrer",
        /// The name of the referrer.
        ReferrerName = "referrer_name",
        /// What kind of site the referrer is.
        ReferrerType = "referrer_type",
        /// The tag `utm_source`.
        UtmSource = "utm_source",
        /// The tag `utm_medium`.
        UtmMedium = "utm_medium",
        /// The tag `utm_campaign`.
        UtmCampaign = "utm_campaign",
        /// The tag `utm_term`.
        UtmTerm = "utm_term",
        /// The tag `utm_content`.
        UtmContent = "utm_content",
        /// The subdivision of the country.
        Region = "region",
        /// The code of the country.
        Country = "country",
        /// The city.
        City = "city",
        /// The kind of device.
        Device = "device",
        /// Who made the device.
        Brand = "brand",
        /// Which device it is.
        Model = "model",
        /// The browser.
        Browser = "browser",
        /// The version of the browser.
        BrowserVersion = "browser_version",
        /// The operating system.
        Os = "os",
        /// The version of the operating system.
        OsVersion = "os_version",
    }
}

impl Dimension {
    /// What a value of it means nothing without: a version needs its browser.
    pub fn prefix(self) -> Option<Self> {
        match self {
            Self::Region | Self::City => Some(Self::Country),
            Self::BrowserVersion => Some(Self::Browser),
            Self::OsVersion => Some(Self::Os),
            _ => None,
        }
    }
}

impl std::str::FromStr for Dimension {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::named(text).ok_or_else(|| {
            let names = Self::ALL.iter().map(|dimension| dimension.name());
            let names = names.collect::<Vec<_>>().join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

/// A question for the sessions of a window, by their values of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct DimensionRequest {
    /// By what they are told apart.
    pub dimension: Dimension,
    /// The window in which a session has to begin to count.
    pub window: Window,
    /// The conditions that a session has to meet to count.
    pub filters: Vec<Filter>,
    /// Which of the values are wanted, most sessions first.
    pub paging: Paging,
}

/// What the event store counts of some sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionCounts {
    /// The number of sessions.
    pub sessions: u64,
    /// How many of them bounced.
    pub bounces: u64,
    /// The sum of their durations, in milliseconds.
    pub duration_sum_ms: u64,
    /// How many durations there are, those of 0 left out.
    pub duration_count: u64,
    /// The number of their screen views.
    pub screen_views: u64,
    /// The sum of their revenue, in minor units.
    pub revenue: u64,
}

impl std::ops::Add for SessionCounts {
    type Output = Self;

    /// Sums of revenue stop at the greatest number.
    fn add(self, other: Self) -> Self {
        Self {
            sessions: self.sessions + other.sessions,
            bounces: self.bounces + other.bounces,
            duration_sum_ms: self.duration_sum_ms + other.duration_sum_ms,
            duration_count: self.duration_count + other.duration_count,
            screen_views: self.screen_views + other.screen_views,
            revenue: self.revenue.saturating_add(other.revenue),
        }
    }
}

/// The sessions that have the same value of the dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct DimensionRow {
    /// What the value means nothing without; `None` when it is not known.
    pub prefix: Option<String>,
    /// The value; `None` when it is not known.
    pub name: Option<String>,
    /// The figures of these sessions.
    pub figures: SessionFigures,
}

/// The figures of the sessions in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionFigures {
    /// The number of sessions.
    pub sessions: u64,
    /// The number of their screen views.
    pub pageviews: u64,
    /// How many of a hundred bounced, to two decimals.
    pub bounce_rate: f64,
    /// The mean duration of those that have one, in seconds.
    pub avg_session_duration: f64,
    /// The sum of their revenue, in minor units.
    pub revenue: u64,
}

impl From<SessionCounts> for SessionFigures {
    fn from(counts: SessionCounts) -> Self {
        Self {
            sessions: counts.sessions,
            pageviews: counts.screen_views,
            bounce_rate: percent(counts.bounces, counts.sessions),
            avg_session_duration: mean_seconds(counts.duration_sum_ms, counts.duration_count),
            revenue: counts.revenue,
        }
    }
}
