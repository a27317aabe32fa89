//! Purging deleted projects: in the catalog, and in the events of this server.

use std::{collections::HashSet, sync::Arc, time::Duration};

use paneld_domain::ProjectKey;
use paneld_repository::{Act, DueProject};
use tokio::sync::Mutex;

use super::Upkeep;
use crate::{Pipeline, ServiceError};

/// How long to wait until what was accepted before is applied.
const PATIENCE: Duration = Duration::from_secs(10);

/// The purged projects of which this server is sure to keep no events: `None` as long as the
/// event store was not looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct PurgedEvents(Arc<Mutex<Option<HashSet<ProjectKey>>>>);

impl PurgedEvents {
    /// Looks at the event store again the next time.
    pub(super) async fn look_again(&self) {
        *self.0.lock().await = None;
    }
}

impl Upkeep {
    /// Removes all projects whose time to be restored is over; and events of this server that are
    /// left of any project that was purged, whoever purged it. One project that cannot be removed
    /// does not keep the others.
    ///
    /// # Errors
    /// The last one of those that came up; what was not purged will be tried the next time.
    pub async fn purge_projects(&self) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let mut result = Ok(());
        for DueProject {
            key,
            id,
            organization_id,
        } in self.repository.list_projects_due(now).await?
        {
            let purged =
                self.repository
                    .purge_project(organization_id, key, now, Act::of_operator(now));
            match purged.await {
                Ok(true) => tracing::info!(project.id = %id, "purged a deleted project"),
                Ok(false) => {}
                Err(error) => result = Err(error.into()),
            }
        }
        while !self.repository.remove_purged_people().await? {}
        if let Some(pipeline) = &self.pipeline {
            self.purge_events(pipeline).await?;
        }
        result
    }

    /// Purges events of projects that the catalog knows to be purged, and of no others: one that
    /// is not in the catalog may be missing there because an older backup was restored.
    async fn purge_events(&self, pipeline: &Pipeline) -> Result<(), ServiceError> {
        let mut purged = self.purged.0.lock().await;
        let are_gone = match purged.as_mut() {
            Some(are_gone) => are_gone,
            None => match self.purged_without_events(pipeline).await? {
                Some(are_gone) => purged.insert(are_gone),
                // The next time.
                None => return Ok(()),
            },
        };
        for key in self.repository.list_purged_projects().await? {
            if !are_gone.contains(&key) {
                // Behind all that was accepted before; a second time does no harm.
                pipeline.ingest.purge(key).await?;
                are_gone.insert(key);
            }
        }
        Ok(())
    }

    /// The purged projects of which nothing is in the event store, nor on the way there. `None`
    /// when that cannot be seen now.
    async fn purged_without_events(
        &self,
        Pipeline { ingest, store }: &Pipeline,
    ) -> Result<Option<HashSet<ProjectKey>>, ServiceError> {
        if ingest.settle(PATIENCE).await.is_err() {
            return Ok(None);
        }
        let Ok(with_events) = store.list_projects().await else {
            return Ok(None);
        };
        let there = self.repository.list_retentions().await?;
        let there = there.into_iter().map(|(key, _)| key);
        let there = there.collect::<HashSet<_>>();
        let purged = self.repository.list_purged_projects().await?;
        let mut purged = purged.into_iter().collect::<HashSet<_>>();
        let is_unknown = |key: &ProjectKey| !there.contains(key) && !purged.contains(key);
        let unknown = with_events.iter().filter(|&key| is_unknown(key)).count();
        if unknown > 0 {
            tracing::warn!(
                projects = unknown,
                "there are events of projects that the catalog does not know, perhaps because it \
                 was restored from a backup: they are kept"
            );
        }
        purged.retain(|key| !with_events.contains(key));
        Ok(Some(purged))
    }
}
