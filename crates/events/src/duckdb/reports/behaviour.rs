//! What people do over time: `docs/contract/insights.md` §7.8 to §7.13.

mod activity;
mod flow;
mod funnel;
mod lists;

use paneld_analytics::{
    Activity, ActivityRequest, Buckets, CohortsRequest, FlowPaths, FlowRequest, FunnelRequest,
    LastDay, Stay,
};

use crate::{EventStore, EventsError, Scope};

impl EventStore {
    /// When people were active, and when next.
    pub async fn activity(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Activity, EventsError> {
        self.read(move |connection| activity::steps(connection, &scope, &request))
            .await
    }

    /// On which of the days since the first event people were active last; `None` when there was
    /// no event.
    pub async fn last_days(
        &self,
        scope: Scope,
        request: ActivityRequest,
    ) -> Result<Option<(Buckets, Vec<LastDay>)>, EventsError> {
        self.read(move |connection| activity::last_days(connection, &scope, &request))
            .await
    }

    /// In which weeks identified people were active first and last.
    pub async fn stays(
        &self,
        scope: Scope,
        request: CohortsRequest,
    ) -> Result<Vec<Stay>, EventsError> {
        self.read(move |connection| activity::stays(connection, &scope, &request))
            .await
    }

    /// How many sessions or profiles took exactly so many steps of a funnel, from none on.
    pub async fn funnel(
        &self,
        scope: Scope,
        request: FunnelRequest,
    ) -> Result<Vec<u64>, EventsError> {
        self.read(move |connection| funnel::count(connection, &scope, &request))
            .await
    }

    /// The paths of sessions.
    pub async fn flow(&self, scope: Scope, request: FlowRequest) -> Result<FlowPaths, EventsError> {
        self.read(move |connection| flow::count(connection, &scope, request.clone()))
            .await
    }
}
