//! Events: how they are kept, and what takes them there.

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::TimeDelta;
use paneld_service::{
    Compaction, EventStore, EventStoreSettings, EventsUrl, Repository, current_salts,
    ingest::{Appliers, Ingest, IngestSettings},
};

pub(crate) use paneld_service::Pipeline;
use tokio::task::{JoinSet, spawn_blocking};

use crate::{
    Builder, StartError,
    event_settings::Kept,
    repeat::{every, report},
};

/// How often it is looked whether files are to be written anew.
const COMPACTION_INTERVAL: Duration = Duration::from_secs(15);

/// How events are kept.
impl Builder {
    /// Where events and sessions are kept; else in `events.duckdb` in the data folder. Such a
    /// server must be the only one with events on its catalog.
    pub fn events(mut self, url: EventsUrl) -> Self {
        self.events.url = Kept::At(url);
        self
    }

    /// Keeps no events: keys, limits and the Manage API alone. What needs events is refused with
    /// 503.
    pub fn without_events(mut self) -> Self {
        self.events.url = Kept::Nowhere;
        self
    }

    /// How many bytes of memory reports and exports may use, at least 128 MiB; else 160 MiB. What
    /// does not fit goes to the data folder.
    pub fn events_memory(mut self, bytes: u64) -> Self {
        self.events.memory = bytes;
        self
    }

    /// How many bytes of what is tracked may wait on disk to be applied; else 1 GiB. Beyond, Track
    /// is answered with 503.
    pub fn spool_limit(mut self, bytes: u64) -> Self {
        self.events.spool_limit = bytes;
        self
    }

    /// How many live sessions are kept in memory, of 4 KiB on average at most; else 100,000.
    /// Beyond, some are ended early.
    pub fn sessions_limit(mut self, sessions: usize) -> Self {
        self.events.sessions_limit = sessions;
        self
    }

    /// Within which time nothing is left in any file of what was erased, purged, or kept long
    /// enough; else a day.
    pub fn erased_within(mut self, time: TimeDelta) -> Self {
        self.events.erased_within = time;
        self
    }

    /// A file in MaxMind's format that knows where addresses are; else nobody's place is known.
    pub fn geoip(mut self, file: impl Into<PathBuf>) -> Self {
        self.events.geoip = Some(file.into());
        self
    }

    /// A file in MaxMind's format that knows whose networks addresses belong to; else nobody's
    /// network is known.
    pub fn asn(mut self, file: impl Into<PathBuf>) -> Self {
        self.events.asn = Some(file.into());
        self
    }

    pub(crate) fn events_url(&self) -> Option<EventsUrl> {
        match &self.events.url {
            Kept::InDataDir => Some(EventsUrl::DuckDb(self.data_dir.join("events.duckdb"))),
            Kept::At(url) => Some(url.clone()),
            Kept::Nowhere => None,
        }
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.data_dir.join("spool.redb")
    }
}

/// Opens what takes events, if any are kept.
pub(crate) async fn open(
    builder: &Builder,
    repository: &Repository,
) -> Result<Option<Pipeline>, StartError> {
    let Some(url) = builder.events_url() else {
        warn_of_left_spool(builder);
        return Ok(None);
    };
    let ingest = open_ingest(builder, repository).await?;
    let spools = ingest.spool_ids();
    let settings = EventStoreSettings {
        url,
        temp_dir: builder.data_dir.join("tmp"),
        memory: builder.events.memory,
        spools: spools.map_err(|error| StartError::Spool(error.into()))?,
        journal: builder.data_dir.join("clickhouse.json"),
    };
    let store = EventStore::new(settings);
    Ok(Some(Pipeline { ingest, store }))
}

/// What waits in the spool is not applied while events are switched off.
fn warn_of_left_spool(builder: &Builder) {
    let path = builder.spool();
    if path.exists() {
        tracing::warn!(
            path = %path.display(),
            "events are switched off, but the data folder has some of before: they are left alone"
        );
    }
}

async fn open_ingest(builder: &Builder, repository: &Repository) -> Result<Ingest, StartError> {
    let settings = IngestSettings {
        spool: builder.spool(),
        spool_limit: builder.events.spool_limit,
        sessions_limit: builder.events.sessions_limit,
        places: builder.events.geoip.clone(),
        networks: builder.events.asn.clone(),
    };
    let salts = current_salts(repository, builder.clock.now()).await;
    let salts = salts.map_err(StartError::Salts)?;
    let clock = builder.clock.clone();
    // It reads all that waits and all that is live; and it waits for one that is being closed.
    let opened = spawn_blocking(move || Ingest::open(&settings, salts, clock)).await;
    let opened = opened.map_err(|error| StartError::Spool(error.into()))?;
    opened.map_err(|error| StartError::Spool(error.into()))
}

/// By what others know a server with these events.
pub(crate) fn id(pipeline: &Pipeline) -> String {
    pipeline.ingest.spool_id().to_owned()
}

/// What works on events.
#[derive(Debug)]
pub(crate) struct Events {
    pipeline: Pipeline,
    appliers: Appliers,
    compaction: Arc<Compaction>,
}

impl Events {
    /// Sets the appliers to work.
    pub(crate) fn start(pipeline: Pipeline, builder: &Builder, repository: &Repository) -> Self {
        let Pipeline { ingest, store } = &pipeline;
        let compaction = Compaction::new(
            repository.clone(),
            ingest.clone(),
            store.clone(),
            builder.clock.clone(),
            builder.events.erased_within,
        );
        Self {
            appliers: Appliers::start(ingest, store.clone(), repository.clone()),
            compaction: Arc::new(compaction),
            pipeline,
        }
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    pub(crate) fn compaction(&self) -> &Compaction {
        &self.compaction
    }

    /// Does again and again what has to be done for events alone.
    pub(crate) fn start_chores(&self, chores: &mut JoinSet<()>) {
        let compaction = Arc::clone(&self.compaction);
        chores.spawn(every(COMPACTION_INTERVAL, move || {
            let compaction = Arc::clone(&compaction);
            async move {
                let compacted = compaction.run_if_due().await;
                report("what was removed is still in some file", compacted);
            }
        }));
    }

    /// Waits until everything that was taken is applied.
    pub(crate) async fn settle(&self) {
        self.appliers.settle().await;
    }

    /// Stops the appliers, and closes the event store.
    pub(crate) async fn stop(self) {
        self.appliers.stop().await;
        self.pipeline.store.close().await;
    }
}
