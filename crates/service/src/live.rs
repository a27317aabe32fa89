//! What happens in projects now, for those who watch: how many people are there, and what they do.
//!
//! What is told of a project is found out once, however many watch it: with each beat what was
//! stored since the last one becomes a portion, and every five seconds the people are counted.
//! Nothing waits for single watchers: each takes from its project what is new to it, and who does
//! not take anything for ten beats loses its place.

mod channel;
mod watched;
mod watching;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use paneld_domain::Clock;
use paneld_fairness::{Pool, Share};
use paneld_ingest::Ingest;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use self::{channel::Channel, watched::Inner};
pub use self::{
    channel::{News, Portion},
    watching::Watching,
};
use crate::{Reports, ServiceError, Subject};

/// How many may watch at once: in all, of an organization, and by a client.
const WATCHERS: u64 = 256;
const OF_ORGANIZATION: u64 = 64;
const OF_CLIENT: u64 = 32;

/// Tells what happens in projects now. Clones are the same.
#[derive(Debug, Clone)]
pub struct Live(Arc<Inner>);

impl Live {
    /// How often [`beat`](Self::beat) is to be called.
    pub const BEAT: Duration = Duration::from_secs(1);

    /// What happens in the projects that these reports are about, and for which this takes events.
    pub fn new(reports: Reports, ingest: Ingest, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            reports,
            ingest,
            clock,
            places: Pool::new(WATCHERS),
            channels: Mutex::default(),
            beats: watch::Sender::new(()),
        }))
    }

    /// Time since some fixed moment, as of [`Clock::elapsed`].
    pub fn elapsed(&self) -> Duration {
        self.0.clock.elapsed()
    }

    /// Begins to watch a project, whose people are counted unless that was done just now.
    ///
    /// # Errors
    /// When too many watch already, or the event store is away.
    pub async fn watch(&self, subject: &Subject) -> Result<Watching, ServiceError> {
        let (inner, project) = (&self.0, subject.project().key);
        let watching = self.enter(subject)?;
        if !inner.has_fresh_count(project) {
            let visitors = inner.reports.live_visitors(subject).await?;
            inner.note_count(project, Some(visitors));
        }
        Ok(watching)
    }

    fn enter(&self, subject: &Subject) -> Result<Watching, ServiceError> {
        let inner = &self.0;
        let [organization, client] = subject.compute().circles();
        let mut place = inner.places.hold(vec![
            Share::new(organization, 1).at_most(OF_ORGANIZATION),
            Share::new(client, 1).at_most(OF_CLIENT),
        ]);
        if !place.take(1) {
            let why = "Too many watch what happens live: close some, or try again later";
            return Err(ServiceError::Excess(why.to_owned()));
        }
        let project = subject.project().key;
        let mut channels = inner.channels();
        if channels.are_closed {
            return Err(ServiceError::Excess("The server is stopping".to_owned()));
        }
        let id = channels.next_watcher;
        channels.next_watcher += 1;
        let channel = channels.by_project.entry(project).or_insert_with(|| {
            inner.ingest.watch(project);
            Channel::new(subject.clone())
        });
        let counted = channel.enter(id, place);
        Ok(Watching::new(Arc::clone(inner), project, id, counted))
    }

    /// Tells those who watch what was stored since the last beat, and begins to count the people
    /// of projects that were not counted for five seconds: they are when what is returned ends.
    pub fn beat(&self) -> JoinHandle<()> {
        let due = self.0.portion_out();
        self.0.beats.send_replace(());
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut counts = due
                .into_iter()
                .map(|(project, subject)| Arc::clone(&inner).count(project, subject))
                .collect::<JoinSet<_>>();
            while counts.join_next().await.is_some() {}
        })
    }

    /// Ends watching for all, for good.
    pub fn close(&self) {
        let mut channels = self.0.channels();
        channels.are_closed = true;
        for (project, _) in channels.by_project.drain() {
            self.0.ingest.unwatch(project);
        }
        drop(channels);
        self.0.beats.send_replace(());
    }
}
