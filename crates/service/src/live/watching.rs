//! One who watches a project.

use std::sync::Arc;

use paneld_domain::ProjectKey;
use tokio::sync::watch;

use super::{
    channel::{News, WatcherId},
    watched::Inner,
};

/// Somebody who watches a project, until this is dropped.
#[derive(Debug)]
pub struct Watching {
    inner: Arc<Inner>,
    project: ProjectKey,
    id: WatcherId,
    /// The last number of visitors that it was told.
    visitors: Option<u64>,
    /// How many events it was told, or that it was not.
    counted: u64,
    beats: watch::Receiver<()>,
}

impl Watching {
    pub(super) fn new(inner: Arc<Inner>, project: ProjectKey, id: WatcherId, counted: u64) -> Self {
        let beats = inner.beats.subscribe();
        Self {
            inner,
            project,
            id,
            visitors: None,
            counted,
            beats,
        }
    }

    /// What is new, now or with the next beat. `None` when its place is lost, and when nobody may
    /// watch any more.
    pub async fn next(&mut self) -> Option<News> {
        let news = self.take()?;
        if !matches!(news, News::Nothing) {
            return Some(news);
        }
        self.beats.changed().await.ok()?;
        self.take()
    }

    fn take(&mut self) -> Option<News> {
        // What comes behind this look wakes it again.
        self.beats.mark_unchanged();
        let mut channels = self.inner.channels();
        let channel = channels.by_project.get_mut(&self.project)?;
        channel.take(self.id, &mut self.visitors, &mut self.counted)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.inner.leave(self.project, self.id);
    }
}
