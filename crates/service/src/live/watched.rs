//! All that is watched now, by project.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use paneld_domain::{Clock, ErrorChain, ProjectKey};
use paneld_fairness::Pool;
use paneld_ingest::Ingest;
use tokio::sync::watch;

use super::channel::{Channel, WatcherId};
use crate::{Reports, Subject, circle::Circle};

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) reports: Reports,
    pub(super) ingest: Ingest,
    pub(super) clock: Clock,
    pub(super) places: Arc<Pool<Circle>>,
    pub(super) channels: Mutex<Channels>,
    /// Wakes those who watch.
    pub(super) beats: watch::Sender<()>,
}

#[derive(Debug, Default)]
pub(super) struct Channels {
    pub(super) by_project: HashMap<ProjectKey, Channel<Subject>>,
    pub(super) next_watcher: WatcherId,
    /// Nobody watches any more, and nobody begins to.
    pub(super) are_closed: bool,
}

impl Inner {
    /// Makes portions of what was stored. Returns the projects whose people are to be counted.
    pub(super) fn portion_out(&self) -> Vec<(ProjectKey, Subject)> {
        let now = self.clock.elapsed();
        let mut due = Vec::new();
        let mut channels = self.channels();
        channels.by_project.retain(|project, channel| {
            channel.drop_lost();
            if channel.is_left() {
                self.ingest.unwatch(*project);
                return false;
            }
            channel.add(self.ingest.take_stored(*project));
            if let Some(subject) = channel.begin_count(now) {
                due.push((*project, subject));
            }
            true
        });
        due
    }

    pub(super) async fn count(self: Arc<Self>, project: ProjectKey, subject: Subject) {
        let counted = self.reports.live_visitors(&subject).await;
        if let Err(error) = &counted {
            let error = ErrorChain(error);
            tracing::debug!(%error, "people could not be counted for those who watch");
        }
        self.note_count(project, counted.ok());
        self.beats.send_replace(());
    }

    pub(super) fn has_fresh_count(&self, project: ProjectKey) -> bool {
        let now = self.clock.elapsed();
        let channels = self.channels();
        let channel = channels.by_project.get(&project);
        channel.is_some_and(|channel| channel.has_fresh_count(now))
    }

    pub(super) fn note_count(&self, project: ProjectKey, visitors: Option<u64>) {
        let now = self.clock.elapsed();
        if let Some(channel) = self.channels().by_project.get_mut(&project) {
            channel.note_count(visitors, now);
        }
    }

    pub(super) fn leave(&self, project: ProjectKey, id: WatcherId) {
        let mut channels = self.channels();
        let Some(channel) = channels.by_project.get_mut(&project) else {
            return;
        };
        channel.leave(id);
        if channel.is_left() {
            channels.by_project.remove(&project);
            self.ingest.unwatch(project);
        }
    }

    pub(super) fn channels(&self) -> MutexGuard<'_, Channels> {
        // Nothing in there panics half way.
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
