//! What was seen, page by page: `docs/contract/insights.md` §7.3, §7.6 and §7.7.

use crate::{
    figures::{mean_seconds, percent, ratio, round_to_cents},
    filter::{Filter, named},
    paging::Paging,
    window::Window,
};

/// A question for the pages that were seen in a window.
#[derive(Debug, Clone, PartialEq)]
pub struct PagesRequest {
    /// The window in which a screen view has to have happened to count.
    pub window: Window,
    /// The conditions that a screen view has to meet to count.
    pub filters: Vec<Filter>,
    /// Which of the pages are wanted, most sessions first.
    pub paging: Paging,
}

/// A question for the pages with which sessions began or ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgesRequest {
    /// The window in which a session has to begin to count.
    pub window: Window,
    /// Only sessions to which all of these apply count.
    pub filters: Vec<Filter>,
    /// Which end of them is meant.
    pub edge: SessionEdge,
}

/// The origin and path that tell a page from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageAddress {
    /// Scheme, host and port; empty when they are not known.
    pub origin: String,
    /// The path of the page, or the name of the screen.
    pub path: String,
}

/// What the event store counts of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageCounts {
    /// The page that is counted.
    pub page: PageAddress,
    /// Its newest title, empty when it never had one.
    pub title: String,
    /// Sessions in which it was seen.
    pub sessions: u64,
    /// How many of them bounced.
    pub bounces: u64,
    /// Sessions that began with it.
    pub entries: u64,
    /// How many of them bounced.
    pub entry_bounces: u64,
    /// How often it was seen.
    pub views: u64,
    /// The time until the next screen view of the session, over all views that have a next one.
    pub time_sum_ms: u64,
    /// How many of those there are.
    pub time_count: u64,
    /// The revenue of its screen views, in minor units.
    pub revenue: u64,
}

/// A page as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRow {
    /// The page that the row is about.
    pub page: PageAddress,
    /// Its newest title; `None` when it never had one.
    pub title: Option<String>,
    /// Sessions in which it was seen.
    pub sessions: u64,
    /// How often it was seen.
    pub pageviews: u64,
    /// How many of a hundred sessions that began with it bounced, to two decimals.
    pub bounce_rate: f64,
    /// The mean time on it in seconds, to two decimals. The last view of a session has none.
    pub avg_duration: f64,
    /// The sum of revenue, in minor units.
    pub revenue: u64,
}

impl From<PageCounts> for PageRow {
    fn from(counts: PageCounts) -> Self {
        Self {
            page: counts.page,
            title: Some(counts.title).filter(|title| !title.is_empty()),
            sessions: counts.sessions,
            pageviews: counts.views,
            bounce_rate: percent(counts.entry_bounces, counts.entries),
            avg_duration: round_to_cents(mean_seconds(counts.time_sum_ms, counts.time_count)),
            revenue: counts.revenue,
        }
    }
}

named! {
    /// At which end of sessions a page is looked for.
    SessionEdge {
        /// The first page.
        Entry = "entry",
        /// The last page.
        Exit = "exit",
    }
}

named! {
    /// By what the performance of pages is ordered.
    PerformanceOrder {
        /// Sessions.
        Sessions = "sessions",
        /// Views.
        Pageviews = "pageviews",
        /// The share of sessions that bounced.
        BounceRate = "bounce_rate",
        /// The time on the page.
        AvgDuration = "avg_duration",
    }
}

/// A question for how well pages do.
#[derive(Debug, Clone, PartialEq)]
pub struct PerformanceRequest {
    /// When the pages were seen.
    pub window: Window,
    /// What has to be in origin, path or title.
    pub search: Option<String>,
    /// By what they are ordered.
    pub order: PerformanceOrder,
    /// Whether the least stands first.
    pub ascending: bool,
    /// The number of pages that are shown at most.
    pub limit: usize,
}

/// How well a page does.
#[derive(Debug, Clone, PartialEq)]
pub struct PagePerformance {
    /// The page that the figures are about.
    pub page: PageAddress,
    /// A title of it, empty when it never had one.
    pub title: String,
    /// Sessions in which it was seen.
    pub sessions: u64,
    /// How often it was seen.
    pub pageviews: u64,
    /// The mean time on it in *minutes*, to two decimals; the last view of a session counts as 0.
    pub avg_duration: f64,
    /// How many of a hundred sessions that saw it bounced, to two decimals.
    pub bounce_rate: f64,
}

impl PagePerformance {
    fn of(counts: PageCounts) -> Self {
        let minutes = ratio(counts.time_sum_ms, counts.views) / 60_000.0;
        Self {
            bounce_rate: percent(counts.bounces, counts.sessions),
            page: counts.page,
            title: counts.title,
            sessions: counts.sessions,
            pageviews: counts.views,
            avg_duration: round_to_cents(minutes),
        }
    }

    /// Most who come here leave at once.
    pub fn has_high_bounce(&self) -> bool {
        self.bounce_rate > 70.0
    }

    /// Whether visitors hardly stay: less than one minute on average.
    pub fn has_low_engagement(&self) -> bool {
        self.avg_duration < 1.0
    }

    /// Whether visitors who begin on the page stay.
    pub fn is_good_landing_page(&self) -> bool {
        self.bounce_rate < 40.0 && self.avg_duration > 2.0
    }
}

/// The performance of the pages of a window, and the figures of all together.
#[derive(Debug, Clone, PartialEq)]
pub struct PerformanceAnswer {
    /// How many pages there are among the thousand with most sessions.
    pub total: usize,
    /// The pages that are shown.
    pub pages: Vec<PagePerformance>,
}

impl PerformanceAnswer {
    /// Orders pages, which come with most sessions first, and takes those that are wanted.
    pub fn of(request: &PerformanceRequest, counts: Vec<PageCounts>) -> Self {
        let mut pages = counts
            .into_iter()
            .map(PagePerformance::of)
            .collect::<Vec<_>>();
        let total = pages.len();
        // Stable: those that are equal stay in the order of their sessions.
        pages.sort_by(|one, other| {
            let (one, other) = (request.key(one), request.key(other));
            if request.ascending {
                one.total_cmp(&other)
            } else {
                other.total_cmp(&one)
            }
        });
        pages.truncate(request.limit);
        Self { total, pages }
    }
}

impl PerformanceRequest {
    fn key(&self, page: &PagePerformance) -> f64 {
        match self.order {
            PerformanceOrder::Sessions => page.sessions as f64,
            PerformanceOrder::Pageviews => page.pageviews as f64,
            PerformanceOrder::BounceRate => page.bounce_rate,
            PerformanceOrder::AvgDuration => page.avg_duration,
        }
    }
}
