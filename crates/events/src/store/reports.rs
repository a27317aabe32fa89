//! What is counted, and what people do over time.

use paneld_analytics::{
    Activity, ActivityRequest, Buckets, ChartRequest, ChartRows, CohortsRequest, DimensionRequest,
    EdgesRequest, FlowPaths, FlowRequest, FunnelRequest, LastDay, MetricsRequest, MetricsRows,
    PageCounts, PagesRequest, PerformanceRequest, Stay,
};

use super::{Engine, EventStore};
use crate::{CountedEdge, CountedSessions, EventsError, Scope};

impl EventStore {
    /// Key figures of a window and its buckets.
    pub async fn metrics(
        &self,
        scope: Scope,
        request: MetricsRequest,
    ) -> Result<MetricsRows, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.metrics(scope, request).await,
            Engine::ClickHouse(store) => store.metrics(scope, request).await,
        }
    }

    /// Sessions by their values of a dimension, most sessions first.
    pub async fn dimension(
        &self,
        scope: Scope,
        request: DimensionRequest,
    ) -> Result<Vec<CountedSessions>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.dimension(scope, request).await,
            Engine::ClickHouse(store) => store.dimension(scope, request).await,
        }
    }

    /// The pages that were seen, those with most sessions first.
    pub async fn pages(
        &self,
        scope: Scope,
        request: PagesRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.pages(scope, request).await,
            Engine::ClickHouse(store) => store.pages(scope, request).await,
        }
    }

    /// The thousand pages with most sessions among those that are looked for, and how many of
    /// those sessions bounced.
    pub async fn page_performance(
        &self,
        scope: Scope,
        request: PerformanceRequest,
    ) -> Result<Vec<PageCounts>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.page_performance(scope, request).await,
            Engine::ClickHouse(store) => store.page_performance(scope, request).await,
        }
    }

    /// What the items of a chart count, in its buckets and in those before.
    pub async fn chart(
        &self,
        scope: Scope,
        request: ChartRequest,
    ) -> Result<ChartRows, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.chart(scope, request).await,
            Engine::ClickHouse(store) => store.chart(scope, request).await,
        }
    }

    /// The pages with which the sessions of a window began or ended, those with most sessions
    /// first.
    pub async fn page_edges(
        &self,
        scope: Scope,
        request: EdgesRequest,
    ) -> Result<Vec<CountedEdge>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.page_edges(scope, request).await,
            Engine::ClickHouse(store) => store.page_edges(scope, request).await,
        }
    }

    /// When people were active, and when next.
    pub async fn activity(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Activity, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.activity(scope, request).await,
            Engine::ClickHouse(store) => store.activity(scope, request).await,
        }
    }

    /// On which of the days since the first event people were active last; `None` when there was
    /// no event.
    pub async fn last_days(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Option<(Buckets, Vec<LastDay>)>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.last_days(scope, request).await,
            Engine::ClickHouse(store) => store.last_days(scope, request).await,
        }
    }

    /// In which weeks identified people were active first and last.
    pub async fn stays(
        &self,
        scope: Scope,
        request: CohortsRequest,
    ) -> Result<Vec<Stay>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.stays(scope, request).await,
            Engine::ClickHouse(store) => store.stays(scope, request).await,
        }
    }

    /// How many sessions or profiles took exactly so many steps of a funnel, from none on.
    pub async fn funnel(
        &self,
        scope: Scope,
        request: FunnelRequest,
    ) -> Result<Vec<u64>, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.funnel(scope, request).await,
            Engine::ClickHouse(store) => store.funnel(scope, request).await,
        }
    }

    /// The paths of sessions.
    pub async fn flow(&self, scope: Scope, request: FlowRequest) -> Result<FlowPaths, EventsError> {
        match &self.engine {
            Engine::DuckDb(store) => store.flow(scope, request).await,
            Engine::ClickHouse(store) => store.flow(scope, request).await,
        }
    }
}
