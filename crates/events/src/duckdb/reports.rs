//! Reports: what is counted over the events and sessions of a project. Each module turns a
//! question of `paneld_analytics` into SQL and reads the rows that its answer is made of.

mod behaviour;
mod buckets;
mod charts;
mod dimensions;
mod lists;
mod metrics;
mod pages;
mod people;
mod session_counts;
mod visitors;

use paneld_analytics::{
    ChartRequest, ChartRows, DimensionRequest, EdgesRequest, MetricsRequest, MetricsRows,
    PageCounts, PagesRequest, PerformanceRequest,
};

pub use self::{dimensions::CountedSessions, pages::CountedEdge, people::Members};
pub(crate) use self::{dimensions::DimensionPart, metrics::MetricsPart, pages::PagesPart};
use crate::{EventStore, EventsError, Scope};

impl EventStore {
    /// Key figures of a window and its buckets.
    pub async fn metrics(
        &self,
        scope: Scope,
        request: MetricsRequest,
    ) -> Result<MetricsRows, EventsError> {
        let counted = self.counted();
        self.read(move |connection| metrics::count(connection, &counted.metrics, &scope, &request))
            .await
    }

    /// Sessions by their values of a dimension, most sessions first.
    pub async fn dimension(
        &self,
        scope: Scope,
        request: DimensionRequest,
    ) -> Result<Vec<CountedSessions>, EventsError> {
        let counted = self.counted();
        self.read(move |connection| {
            dimensions::count(connection, &counted.dimensions, &scope, &request)
        })
        .await
    }

    /// The pages that were seen, those with most sessions first.
    pub async fn pages(
        &self,
        scope: Scope,
        request: PagesRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        let counted = self.counted();
        self.read(move |connection| pages::count(connection, &counted.pages, &scope, &request))
            .await
    }

    /// The thousand pages with most sessions among those that are looked for, and how many of
    /// those sessions bounced.
    pub async fn page_performance(
        &self,
        scope: Scope,
        request: PerformanceRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        self.read(move |connection| pages::performance(connection, &scope, &request))
            .await
    }

    /// What the items of a chart count, in its buckets and in those before.
    pub async fn chart(
        &self,
        scope: Scope,
        request: ChartRequest,
    ) -> Result<ChartRows, EventsError> {
        self.read(move |connection| charts::count(connection, &scope, &request))
            .await
    }

    /// The pages with which the sessions of a window began or ended, those with most sessions
    /// first.
    pub async fn page_edges(
        &self,
        scope: Scope,
        request: EdgesRequest,
    ) -> Result<Vec<CountedEdge>, EventsError> {
        self.read(move |connection| pages::edges(connection, &scope, &request))
            .await
    }
}
