//! The store as it is handed around, and whether its server can be used.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clickhouse::Client;
use paneld_domain::ErrorChain;
use tokio::{
    sync::Mutex as Turnstile,
    time::{Instant, timeout},
};

use super::{client::client, fault::Fault, schema, sql::Sql, writer::Writer};
use crate::{Asker, EventsError, Pace, events_url::ClickHouseUrl, turns::Lanes};

/// How long an answer may take, waiting for its turn included.
const READ_TIME: Duration = Duration::from_secs(30);

/// How long a server that is away is left alone before it is asked again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the server may take to say that it is there.
const LOOKING: Duration = Duration::from_secs(5);

/// How long the server may take to say what it is, and to make tables.
const PREPARING: Duration = Duration::from_secs(60);

/// ClickHouse likes few large inserts: about one a second.
const PACE: Pace = Pace {
    most: 20_000,
    gather: Duration::from_millis(500),
    gather_busy: Duration::from_secs(1),
    busy: 1_000,
};

/// The store in a ClickHouse database. Clones are handles of the same store. What its methods
/// promise stands at those of [`crate::EventStore`].
#[derive(Clone)]
pub(crate) struct ClickHouseStore {
    pub(crate) inner: Arc<Inner>,
    pub(crate) read_time: Duration,
    pub(crate) asker: Asker,
}

/// What all handles of a store share.
pub(crate) struct Inner {
    url: ClickHouseUrl,
    pub(crate) client: Client,
    pub(crate) lanes: Lanes,
    pub(crate) answering: AtomicUsize,
    /// Nobody else writes meanwhile; `None` until something is written.
    pub(crate) writer: Turnstile<Option<Writer>>,
    /// What its writer must know: from which spool everything comes and which were before it, and
    /// where the journal is.
    pub(crate) spools: Vec<String>,
    pub(crate) journal: PathBuf,
    state: Mutex<State>,
    preparing: Turnstile<()>,
}

#[derive(Default)]
struct State {
    access: Access,
    /// Whether it was said that the store is away.
    is_away: bool,
}

/// What is known of the server.
#[derive(Default, Clone)]
enum Access {
    /// Nobody has asked for anything yet.
    #[default]
    Untried,
    /// It answered, and was asked by itself last at this time.
    Ready {
        looked_at: Instant,
    },
    Failed {
        why: String,
        at: Instant,
    },
    Closed,
}

impl ClickHouseStore {
    /// A store in the database. How far the first of the spools is written there is in the journal.
    pub(crate) fn new(url: ClickHouseUrl, spools: Vec<String>, journal: PathBuf) -> Self {
        let inner = Inner {
            client: client(&url),
            url,
            lanes: Lanes::new(),
            answering: AtomicUsize::new(0),
            writer: Turnstile::default(),
            spools,
            journal,
            state: Mutex::default(),
            preparing: Turnstile::default(),
        };
        Self {
            inner: Arc::new(inner),
            read_time: READ_TIME,
            asker: Asker::default(),
        }
    }

    pub(crate) fn with_read_time(self, read_time: Duration) -> Self {
        Self { read_time, ..self }
    }

    pub(crate) fn asked_by(&self, asker: Asker) -> Self {
        Self {
            asker,
            ..self.clone()
        }
    }

    pub(crate) fn pace(&self) -> Pace {
        PACE
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.inner.answering.load(Ordering::Relaxed) > 0
    }

    pub(crate) async fn is_up(&self) -> bool {
        let inner = &self.inner;
        inner.ready().await.is_ok() && (!inner.begins_to_look() || inner.look().await)
    }

    pub(crate) async fn close(&self) {
        self.inner.state().access = Access::Closed;
        // Whatever is being written is waited for.
        drop(self.inner.writer.lock().await.take());
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the server can be used, unless that was tried just now.
    pub(crate) async fn ready(&self) -> Result<(), EventsError> {
        if let Some(known) = self.known() {
            return known;
        }
        // Those who come meanwhile wait for the same.
        let _preparing = self.preparing.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let prepared = schema::prepare(&self.client, self.url.database());
        let prepared = timeout(PREPARING, prepared).await;
        let prepared = prepared.unwrap_or_else(|_late| Err(silent()));
        self.told(prepared)?;
        let mut state = self.state();
        if !matches!(state.access, Access::Closed) {
            state.access = Access::Ready {
                looked_at: Instant::now(),
            };
        }
        if std::mem::take(&mut state.is_away) {
            tracing::info!(url = %self.url, "the event store is back");
        }
        Ok(())
    }

    /// Whether nobody looked for the server lately; then whoever asks this does, and nobody else for
    /// a while.
    fn begins_to_look(&self) -> bool {
        match &mut self.state().access {
            Access::Ready { looked_at } if looked_at.elapsed() >= RETRY_AFTER => {
                *looked_at = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// Asks the server something, so that its loss is noticed also where nobody asks anything.
    async fn look(&self) -> bool {
        let asked = Sql::new("SELECT 1");
        let answer = timeout(LOOKING, asked.fetch_one::<u8>(&self.client)).await;
        let answer = answer.unwrap_or_else(|_late| Err(silent()));
        self.told(answer).is_ok()
    }

    /// What is known without a question to the server, if anything is.
    fn known(&self) -> Option<Result<(), EventsError>> {
        match &self.state().access {
            Access::Ready { .. } => Some(Ok(())),
            Access::Closed => Some(Err(EventsError::away("it was closed"))),
            Access::Failed { why, at } if at.elapsed() < RETRY_AFTER => {
                Some(Err(EventsError::away(why.clone())))
            }
            Access::Failed { .. } | Access::Untried => None,
        }
    }

    /// What is told to whoever asked, and noted where the server failed.
    pub(crate) fn told<T>(&self, answer: Result<T, Fault>) -> Result<T, EventsError> {
        self.note(&answer);
        answer.map_err(Fault::of_answer)
    }

    /// What is told to whoever writes, and noted where the server failed.
    pub(crate) fn written<T>(&self, written: Result<T, Fault>) -> Result<T, EventsError> {
        self.note(&written);
        written.map_err(Fault::of_write)
    }

    fn note<T>(&self, result: &Result<T, Fault>) {
        let Err(Fault::Away(cause)) = result else {
            return;
        };
        let mut state = self.state();
        if matches!(state.access, Access::Closed) {
            return;
        }
        let why = ErrorChain(&**cause).to_string();
        if !std::mem::replace(&mut state.is_away, true) {
            tracing::error!(url = %self.url, error = why, "the event store is away");
        }
        state.access = Access::Failed {
            why,
            at: Instant::now(),
        };
    }
}

fn silent() -> Fault {
    Fault::Away("it is silent".into())
}
