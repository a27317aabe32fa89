//! Charts and raw events, for those who take them elsewhere.

use paneld_analytics::{ChartAnswer, ChartRequest};
use paneld_events::Scope;

use super::{Reports, Subject};
use crate::ServiceError;

impl Reports {
    /// A chart.
    ///
    /// # Errors
    /// When it would have too many points, or the event store is away.
    pub async fn chart(
        &self,
        subject: &Subject,
        request: ChartRequest,
    ) -> Result<ChartAnswer, ServiceError> {
        let rows = self.events.chart(scope(subject), request.clone()).await?;
        ChartAnswer::of(&request, rows).map_err(|problem| ServiceError::Question(vec![problem]))
    }
}

fn scope(subject: &Subject) -> Scope {
    Scope {
        key: subject.project.key,
        id: subject.project.id.clone(),
    }
}
