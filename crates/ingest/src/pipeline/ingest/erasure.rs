//! What administrators do to somebody: changing a profile, and forgetting it.

use std::{collections::HashSet, time::Duration};

use paneld_domain::{PeopleChange, ProfileChange, ProfileChangeKind, ProfileEdit, ProjectKey};
use paneld_events::Erased;

use super::Ingest;
use crate::{
    SpoolError,
    pipeline::{
        record::{Change, Record},
        sessions::DeviceKey,
        spool::{Account, Append},
    },
};

/// A sink has not done in time what it was to do. It will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is not done yet: a store is away, or much waits to be applied")]
pub struct NotDoneYet;

impl Ingest {
    /// Waits until everything that was accepted before is applied.
    ///
    /// # Errors
    /// When that takes longer than this.
    pub async fn settle(&self, patience: Duration) -> Result<(), NotDoneYet> {
        let last = self.0.spool.last();
        self.reach(last, patience).await
    }

    /// Waits until the catalog knows of everybody who was told of before, however far the event
    /// store is.
    ///
    /// # Errors
    /// When that takes longer than this.
    pub async fn settle_people(&self, patience: Duration) -> Result<(), NotDoneYet> {
        let last = self.0.spool.last();
        self.reach_people(last, patience).await
    }

    /// Changes a profile, if it is there, behind everything that was accepted before. Returns the
    /// position by which it is done.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn edit_profile(
        &self,
        project: ProjectKey,
        profile_id: String,
        edit: ProfileEdit,
    ) -> Result<u64, SpoolError> {
        let change = PeopleChange::Profile(ProfileChange {
            profile_id,
            kind: ProfileChangeKind::Edited(Box::new(edit)),
        });
        let changes = vec![Change::People(change)];
        let record = Record::new(project, self.0.clock.now(), changes);
        self.0
            .spool
            .append(&Append::new(Account::Project(project), record))
            .await
    }

    /// Waits until the edit that was written at this position is in the catalog.
    ///
    /// # Errors
    /// When it takes longer than this. It will be done all the same.
    pub async fn edited(&self, position: u64, patience: Duration) -> Result<(), NotDoneYet> {
        self.reach_people(position, patience).await
    }

    /// Forgets all that is known of a profile under these ids, behind everything that was
    /// accepted before. Live sessions go that are the profile's, and those of nobody on devices
    /// of its own, which are these. Returns the position by which it is done.
    ///
    /// # Errors
    /// When it could not be written.
    pub async fn erase_profile(
        &self,
        project: ProjectKey,
        ids: Vec<String>,
        devices: HashSet<String>,
    ) -> Result<u64, SpoolError> {
        let inner = &self.0;
        let ids = ids.into_iter().collect::<HashSet<_>>();
        let is_theirs = |key: &DeviceKey, live: &crate::pipeline::sessions::Live| {
            let of = &live.session.profile_id;
            let is_nobodys = of == key.device();
            key.project() == project
                && (ids.contains(of) || (is_nobodys && devices.contains(key.device())))
        };
        let gone = inner.live.find(is_theirs).await;
        let whose = ids.clone();
        let is_about = move |record: &Record| {
            record.project() == project && record.may_be_about(&whose, &devices)
        };
        inner.drop_set_aside(is_about).await?;
        // Names of properties and events may tell of somebody, too.
        inner.diagnostics.forget(project);
        let changes = ids.into_iter().map(|profile_id| {
            let change = PeopleChange::EraseProfile { profile_id };
            Change::People(change)
        });
        inner.forget(project, gone, changes.collect()).await
    }

    /// Waits until the erasure that was written at this position is done everywhere, and tells
    /// what it removed from the event store; `None` where that was not noted, because the store
    /// went away in the middle of it.
    ///
    /// # Errors
    /// When it takes longer than this. It will be done all the same.
    pub async fn erased(
        &self,
        position: u64,
        patience: Duration,
    ) -> Result<Option<Erased>, NotDoneYet> {
        self.reach(position, patience).await?;
        Ok(self.0.progress.take_erased(position))
    }

    async fn reach_people(&self, position: u64, patience: Duration) -> Result<(), NotDoneYet> {
        let reached = tokio::time::timeout(patience, self.0.progress.reach_people(position));
        reached.await.map_err(|_elapsed| NotDoneYet)
    }

    async fn reach(&self, position: u64, patience: Duration) -> Result<(), NotDoneYet> {
        let reached = tokio::time::timeout(patience, self.0.progress.reach(position));
        reached.await.map_err(|_elapsed| NotDoneYet)
    }
}
