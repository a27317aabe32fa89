//! What people do over time: `docs/contract/insights.md` §7.8 to §7.13.

mod activity;
mod flow;
mod funnel;
mod timelines;

use paneld_analytics::{
    Activity, ActivityRequest, Buckets, CohortsRequest, FlowPaths, FlowRequest, FunnelRequest,
    LastDay, Stay,
};

use crate::{EventsError, Scope, duckdb::store::DuckDbStore};

impl DuckDbStore {
    pub(crate) async fn activity(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Activity, EventsError> {
        self.read(move |connection| activity::steps(connection, &scope, &request))
            .await
    }

    pub(crate) async fn last_days(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Option<(Buckets, Vec<LastDay>)>, EventsError> {
        self.read(move |connection| activity::last_days(connection, &scope, &request))
            .await
    }

    pub(crate) async fn stays(
        &self,
        scope: Scope,
        request: CohortsRequest,
    ) -> Result<Vec<Stay>, EventsError> {
        self.read(move |connection| activity::stays(connection, &scope, &request))
            .await
    }

    pub(crate) async fn funnel(
        &self,
        scope: Scope,
        request: FunnelRequest,
    ) -> Result<Vec<u64>, EventsError> {
        self.read(move |connection| funnel::count(connection, &scope, &request))
            .await
    }

    pub(crate) async fn flow(
        &self,
        scope: Scope,
        request: FlowRequest,
    ) -> Result<FlowPaths, EventsError> {
        self.read(move |connection| flow::count(connection, &scope, request.clone()))
            .await
    }
}
