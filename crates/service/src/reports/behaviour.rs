//! What people do over time: `docs/contract/insights.md` §7.8 to §7.13.

use paneld_analytics::{
    ActiveDay, ActivityRequest, CohortsAnswer, CohortsRequest, EngagementAnswer, FlowAnswer,
    FlowRequest, FunnelAnswer, FunnelRequest, RetentionWeek,
};

use super::{Reports, Subject};
use crate::ServiceError;

/// # Errors
/// All of these fail when the event store is away, or when the answer takes too long.
impl Reports {
    /// For each day since the first event, how many people were active in the `days` days that
    /// end with it.
    pub async fn active_users(
        &self,
        subject: &Subject,
        days: usize,
    ) -> Result<Vec<ActiveDay>, ServiceError> {
        let request = ActivityRequest::active_users(days, subject.zone, self.now());
        let activity = self
            .store(subject)
            .activity(subject.scope(), request)
            .await?;
        self.compute.run(move || activity.active_users(days)).await
    }

    /// For each week in which identified people were active, how many came back in the next.
    pub async fn retention(&self, subject: &Subject) -> Result<Vec<RetentionWeek>, ServiceError> {
        let request = ActivityRequest::retention(subject.zone, self.now());
        let activity = self
            .store(subject)
            .activity(subject.scope(), request)
            .await?;
        self.compute.run(move || activity.retention()).await
    }

    /// How those stayed who came in one of the last weeks; `None` when nobody came.
    pub async fn cohorts(&self, subject: &Subject) -> Result<Option<CohortsAnswer>, ServiceError> {
        let Some(request) = CohortsRequest::new(subject.zone, self.now()) else {
            return Ok(None);
        };
        let stays = self
            .store(subject)
            .stays(subject.scope(), request.clone())
            .await?;
        Ok(CohortsAnswer::of(request.buckets(), &stays))
    }

    /// How long ago identified people were active last.
    pub async fn engagement(&self, subject: &Subject) -> Result<EngagementAnswer, ServiceError> {
        let request = ActivityRequest::engagement(subject.zone, self.now());
        let last_days = self
            .store(subject)
            .last_days(subject.scope(), request)
            .await?;
        let Some((days, people)) = last_days else {
            return Ok(EngagementAnswer::default());
        };
        let answer = self
            .compute
            .run(move || EngagementAnswer::of(&days, &people));
        answer.await
    }

    /// How many take a way step by step.
    pub async fn funnel(
        &self,
        subject: &Subject,
        request: FunnelRequest,
    ) -> Result<FunnelAnswer, ServiceError> {
        let reached = self
            .store(subject)
            .funnel(subject.scope(), request.clone())
            .await?;
        Ok(FunnelAnswer::of(&request, &reached))
    }

    /// Which ways sessions take through events.
    pub async fn user_flow(
        &self,
        subject: &Subject,
        request: FlowRequest,
    ) -> Result<FlowAnswer, ServiceError> {
        let paths = self.store(subject).flow(subject.scope(), request).await?;
        self.compute.run(move || paths.answer()).await
    }
}
