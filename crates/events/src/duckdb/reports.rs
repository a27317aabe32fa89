//! Reports: what is counted over the events and sessions of a project. Each module turns a
//! question of `paneld_analytics` into SQL and reads the rows that its answer is made of.

mod behaviour;
mod charts;
mod dimensions;
mod keys;
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

pub(crate) use self::{dimensions::DimensionPart, metrics::MetricsPart, pages::PagesPart};
use crate::{CountedEdge, CountedSessions, EventsError, Scope, duckdb::store::DuckDbStore};

impl DuckDbStore {
    pub(crate) async fn metrics(
        &self,
        scope: Scope,
        request: MetricsRequest,
    ) -> Result<MetricsRows, EventsError> {
        let counted = self.counted();
        self.read(move |connection| metrics::count(connection, &counted.metrics, &scope, &request))
            .await
    }

    pub(crate) async fn dimension(
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

    pub(crate) async fn pages(
        &self,
        scope: Scope,
        request: PagesRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        let counted = self.counted();
        self.read(move |connection| pages::count(connection, &counted.pages, &scope, &request))
            .await
    }

    pub(crate) async fn page_performance(
        &self,
        scope: Scope,
        request: PerformanceRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        self.read(move |connection| pages::performance(connection, &scope, &request))
            .await
    }

    pub(crate) async fn chart(
        &self,
        scope: Scope,
        request: ChartRequest,
    ) -> Result<ChartRows, EventsError> {
        self.read(move |connection| charts::count(connection, &scope, &request))
            .await
    }

    pub(crate) async fn page_edges(
        &self,
        scope: Scope,
        request: EdgesRequest,
    ) -> Result<Vec<CountedEdge>, EventsError> {
        self.read(move |connection| pages::edges(connection, &scope, &request))
            .await
    }
}
