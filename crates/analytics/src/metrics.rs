//! The key figures of a site, and how they went: `docs/contract/insights.md` §7.1.
//!
//! The event store counts; what is here turns counts into figures and fills gaps with zeros. The
//! figures of the whole window are counted over the whole window, and so a visitor who came on
//! two days counts once.

use paneld_domain::{InvalidValue, Zone};

use crate::{
    buckets::{Buckets, Interval, Label},
    figures::{mean_seconds, percent, ratio, round_to_cents},
    filter::Filter,
    window::Window,
};

/// The kind of record that key figures are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsMode {
    /// Sessions that start in the window and match.
    Sessions,
    /// Screen views in the window that match: whenever a filter is about the path.
    Pages,
}

/// A question for key figures.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsRequest {
    buckets: Buckets,
    interval: Interval,
    filters: Vec<Filter>,
}

impl MetricsRequest {
    /// Asks about a window. Without an interval, the one that suits the window is taken.
    ///
    /// # Errors
    /// When the window has too many such intervals.
    pub fn new(
        window: Window,
        interval: Option<Interval>,
        zone: Zone,
        filters: Vec<Filter>,
    ) -> Result<Self, InvalidValue> {
        let interval = interval.unwrap_or_else(|| Interval::suited_to(&window, zone));
        Ok(Self {
            buckets: Buckets::new(window, interval, zone)?,
            interval,
            filters,
        })
    }

    /// The buckets of the window, in its zone.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    /// How long a part is.
    pub fn interval(&self) -> Interval {
        self.interval
    }

    /// Which events and sessions count.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The kind of record that the figures are computed from.
    pub fn mode(&self) -> MetricsMode {
        if self.filters.iter().any(Filter::is_about_path) {
            MetricsMode::Pages
        } else {
            MetricsMode::Sessions
        }
    }
}

/// What the event store counts, in a bucket or in the whole window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricsCounts {
    /// The number of different profiles.
    pub visitors: u64,
    /// The number of different sessions.
    pub sessions: u64,
    /// Sessions that could have bounced. They are all sessions, or when pages are counted, those
    /// that entered on a page that matches.
    pub entries: u64,
    /// The number of entries that bounced.
    pub bounces: u64,
    /// All durations together. When pages are counted, a duration is the time between a screen
    /// view that matches and the next such one of the session.
    pub duration_sum_ms: u64,
    /// How many durations there are, those of 0 left out.
    pub duration_count: u64,
    /// The number of screen views.
    pub screen_views: u64,
}

impl std::ops::Add for MetricsCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            visitors: self.visitors + other.visitors,
            sessions: self.sessions + other.sessions,
            entries: self.entries + other.entries,
            bounces: self.bounces + other.bounces,
            duration_sum_ms: self.duration_sum_ms + other.duration_sum_ms,
            duration_count: self.duration_count + other.duration_count,
            screen_views: self.screen_views + other.screen_views,
        }
    }
}

/// What the event store counted in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketCounts {
    /// The place of the bucket in the list.
    pub bucket: usize,
    /// What there is in it.
    pub counts: MetricsCounts,
}

/// The revenue of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BucketRevenue {
    /// The place of the bucket in the list.
    pub bucket: usize,
    /// The sum over its events named `revenue` that match, in minor units.
    pub revenue: u64,
}

/// Everything that the event store says about a [`MetricsRequest`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsRows {
    /// Counts over the whole window.
    pub total: MetricsCounts,
    /// Counts of the buckets in which there is something, at most one row a bucket.
    pub buckets: Vec<BucketCounts>,
    /// Revenue of the buckets in which there is some.
    pub revenue: Vec<BucketRevenue>,
}

impl MetricsRows {
    /// Adds the sessions that entered on the pages that are counted, and those of them that bounced,
    /// to a bucket, which may be new here, and to all.
    pub fn add_entries(&mut self, bucket: usize, entries: u64, bounces: u64) {
        let place = self.buckets.iter().position(|row| row.bucket == bucket);
        let place = place.unwrap_or_else(|| {
            self.buckets.push(BucketCounts {
                bucket,
                counts: MetricsCounts::default(),
            });
            self.buckets.len() - 1
        });
        for counts in [&mut self.total, &mut self.buckets[place].counts] {
            counts.entries += entries;
            counts.bounces += bounces;
        }
    }
}

/// The key figures of a bucket or of a whole window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Metrics {
    /// The number of different profiles.
    pub unique_visitors: u64,
    /// The number of different sessions.
    pub total_sessions: u64,
    /// How many of a hundred sessions bounced, to two decimals.
    pub bounce_rate: f64,
    /// The mean duration of sessions that have one, in seconds.
    pub avg_session_duration: f64,
    /// The number of screen views.
    pub total_screen_views: u64,
    /// Screen views a session, to two decimals.
    pub views_per_session: f64,
    /// The sum of revenue, in minor units.
    pub total_revenue: u64,
}

impl Metrics {
    fn of(counts: &MetricsCounts, revenue: u64) -> Self {
        Self {
            unique_visitors: counts.visitors,
            total_sessions: counts.sessions,
            bounce_rate: percent(counts.bounces, counts.entries),
            avg_session_duration: mean_seconds(counts.duration_sum_ms, counts.duration_count),
            total_screen_views: counts.screen_views,
            views_per_session: round_to_cents(ratio(counts.screen_views, counts.sessions)),
            total_revenue: revenue,
        }
    }
}

/// Key figures of a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricsPoint {
    /// The bucket to which the figures belong.
    pub label: Label,
    /// The key figures of that bucket.
    pub metrics: Metrics,
}

/// Key figures of the window and of each of its buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsAnswer {
    /// The key figures of the whole window.
    pub metrics: Metrics,
    /// Of every bucket, in order; where nothing happened, zeros. A window from the beginning of
    /// time begins where something happened first.
    pub series: Vec<MetricsPoint>,
}

impl MetricsAnswer {
    /// Computes the key figures from what the event store counted.
    pub fn of(buckets: &Buckets, rows: &MetricsRows) -> Self {
        let mut counts = vec![MetricsCounts::default(); buckets.count()];
        for row in &rows.buckets {
            if let Some(counts) = counts.get_mut(row.bucket) {
                *counts = row.counts;
            }
        }
        let mut revenue = vec![0_u64; buckets.count()];
        for row in &rows.revenue {
            if let Some(revenue) = revenue.get_mut(row.bucket) {
                *revenue = revenue.saturating_add(row.revenue);
            }
        }
        let total_revenue = revenue.iter().copied().fold(0, u64::saturating_add);
        let first = buckets.first_to_show(|place| {
            counts[place] != MetricsCounts::default() || revenue[place] != 0
        });
        let parts = buckets.list().iter().zip(counts.iter().zip(revenue));
        let series = parts
            .skip(first)
            .map(|(bucket, (counts, revenue))| MetricsPoint {
                label: bucket.label,
                metrics: Metrics::of(counts, revenue),
            });
        Self {
            metrics: Metrics::of(&rows.total, total_revenue),
            series: series.collect(),
        }
    }
}

#[cfg(test)]
mod tests;
