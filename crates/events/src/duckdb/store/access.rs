//! Access to the file: whether it is open, opened anew, away or closed; and work on it.

use std::{
    collections::BTreeSet,
    error::Error,
    panic::catch_unwind,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use duckdb::Connection;
use paneld_domain::ErrorChain;
use tokio::{sync::Semaphore, time::Instant};

use crate::{
    Cause, EventsError,
    duckdb::{
        answering::Answering,
        counted::Counted,
        database::{Database, Place, Writer},
        fault::Fault,
        interrupt::Job,
        parts::Ending,
        write::apply,
    },
    turns::Lanes,
};

/// How long to wait while somebody opens the file, which takes a minute when its tables have to be
/// made anew.
const OPENING: Duration = Duration::from_secs(2);

/// How long a store that is away is left alone before it is opened again.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);

/// More questions than this never run at once: whoever has so many permits is alone.
pub(super) const MOST_AT_ONCE: usize = 1 << 10;

/// What all handles of a store share.
pub(crate) struct Inner {
    pub(super) place: Place,
    state: Mutex<State>,
    /// Notified when [`Access::Opening`] ends.
    opened: Condvar,
    pub(crate) lanes: Lanes,
    /// A permit of each question, so that compacting can wait for all of them.
    pub(super) reads: Arc<Semaphore>,
    /// The same of answers that are sent in parts.
    pub(super) streams: Arc<Semaphore>,
    pub(crate) ending: Arc<Ending>,
    pub(super) writes: Arc<Semaphore>,
    pub(super) counted: Arc<Counted>,
    pub(super) answering: Answering,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) access: Access,
    /// Whether it was said that the store is away.
    is_away: bool,
    /// What could not be written when it was tried last. The store is not back before it can be:
    /// on a full disk, it can be opened all the same.
    pub(super) unwritten: BTreeSet<Kind>,
}

/// What is written again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Batch,
    Copies,
}

impl State {
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.access, Access::Opening)
    }

    /// Whether it is open, and can be written as far as is known.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.access, Access::Open(_)) && self.unwritten.is_empty()
    }
}

/// What there is of the file.
#[derive(Default)]
pub(super) enum Access {
    /// Nobody has asked for anything yet.
    #[default]
    Untried,
    /// Somebody is at it.
    Opening,
    Open(Arc<Database>),
    /// It could not be opened, or failed.
    Failed {
        why: String,
        at: Instant,
    },
    Closed,
}

impl Inner {
    /// A store of which nothing was tried yet.
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            state: Mutex::default(),
            opened: Condvar::new(),
            lanes: Lanes::new(),
            reads: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            streams: Arc::new(Semaphore::new(MOST_AT_ONCE)),
            ending: Arc::default(),
            writes: Arc::new(Semaphore::new(1)),
            counted: Arc::new(Counted::new()),
            answering: Answering::default(),
        }
    }
}

/// Everything here blocks.
impl Inner {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database; opened if it is not, unless that was tried just now.
    pub(super) fn database(&self) -> Result<Arc<Database>, EventsError> {
        let opened = &self.opened;
        let waited = opened.wait_timeout_while(self.state(), OPENING, |state| state.is_opening());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match &state.access {
            Access::Open(database) => {
                let database = Arc::clone(database);
                let in_place = database.demand_in_place().map(|()| database);
                self.tell(&mut state, in_place)
            }
            Access::Opening => Err(EventsError::away("it is being opened")),
            Access::Closed => Err(EventsError::away("it was closed")),
            Access::Failed { why, at } if at.elapsed() < RETRY_AFTER => {
                Err(EventsError::away(why.clone()))
            }
            Access::Failed { .. } | Access::Untried => {
                state.access = Access::Opening;
                drop(state);
                self.open()
            }
        }
    }

    /// Opens the file. Nobody must wait for the state meanwhile.
    pub(super) fn open(&self) -> Result<Arc<Database>, EventsError> {
        let place = &self.place;
        let opened = catch_unwind(|| Database::open(place).map(Arc::new));
        let opened = opened.unwrap_or_else(|_panic| Err("opening it panicked".into()));
        let mut state = self.state();
        if matches!(state.access, Access::Closed) {
            return Err(EventsError::away("it was closed"));
        }
        // It may be another file.
        self.counted.note_everywhere();
        state.access = match &opened {
            Ok(database) => {
                self.ending.by_loss.store(false, Ordering::Relaxed);
                Access::Open(Arc::clone(database))
            }
            Err(cause) => failed(&**cause),
        };
        self.opened.notify_all();
        self.tell(&mut state, opened)
    }

    /// Says whether the store is away, where that has changed.
    fn tell<T>(&self, state: &mut State, result: Result<T, Cause>) -> Result<T, EventsError> {
        match &result {
            Ok(_) => self.note_back(state),
            Err(cause) => self.note_away(state, &**cause),
        }
        result.map_err(EventsError::Away)
    }

    /// Gives the database up, so that it is opened anew.
    fn lose(&self, lost: &Arc<Database>, cause: &(dyn Error + 'static)) {
        let mut state = self.state();
        // Somebody else may have noticed before, and it may be another one by now.
        let is_this = matches!(&state.access, Access::Open(now) if Arc::ptr_eq(now, lost));
        if is_this {
            state.access = failed(cause);
            self.ending.by_loss.store(true, Ordering::Relaxed);
            self.note_away(&mut state, cause);
        }
    }

    pub(super) fn close(&self) {
        self.ending.by_loss.store(true, Ordering::Relaxed);
        let access = std::mem::replace(&mut self.state().access, Access::Closed);
        self.opened.notify_all();
        // Here the file is closed, which takes a while; nobody must wait for the state meanwhile.
        drop(access);
    }

    fn note_away(&self, state: &mut State, cause: &(dyn Error + 'static)) {
        if !std::mem::replace(&mut state.is_away, true) {
            let (path, error) = (self.place.path().display(), ErrorChain(cause));
            tracing::error!(%path, %error, "the event store is away");
        }
    }

    pub(super) fn note_back(&self, state: &mut State) {
        if state.unwritten.is_empty() && std::mem::replace(&mut state.is_away, false) {
            tracing::info!(path = %self.place.path().display(), "the event store is back");
        }
    }

    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, Fault>,
    ) -> Result<T, EventsError> {
        let database = self.database()?;
        let result = write(&database, work);
        result.map_err(|fault| match fault {
            Fault::Data(cause) => EventsError::Rejected(cause),
            // Nothing that is written is an answer.
            Fault::TooLarge => EventsError::TooLarge,
            ended @ Fault::Ended => EventsError::Away(ended.into_cause()),
            Fault::Memory(cause) => {
                // A commit that has no room leaves a database behind that cannot be used.
                if is_lost(&database) {
                    self.lose(&database, &*cause);
                }
                EventsError::NoRoom(cause)
            }
            Fault::Store(cause) => {
                self.lose(&database, &*cause);
                EventsError::Away(cause)
            }
        })
    }

    pub(crate) fn read<T>(
        &self,
        job: Job,
        question: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, EventsError> {
        let database = self.database()?;
        let _answering = self.answering.begin();
        let answer = read(&database, job, question);
        answer.map_err(|fault| match fault {
            Fault::Data(cause) => EventsError::Rejected(cause),
            Fault::TooLarge => EventsError::TooLarge,
            Fault::Memory(_) => EventsError::TooSlow,
            ended @ Fault::Ended => EventsError::Away(ended.into_cause()),
            Fault::Store(cause) => {
                self.lose(&database, &*cause);
                EventsError::Away(cause)
            }
        })
    }
}

fn failed(cause: &(dyn Error + 'static)) -> Access {
    Access::Failed {
        why: ErrorChain(cause).to_string(),
        at: Instant::now(),
    }
}

fn write<T>(
    database: &Database,
    work: impl FnOnce(&mut Writer) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut writer = database.writer().map_err(Fault::Store)?;
    let result = work(&mut writer);
    if let Err(Fault::Data(_)) = &result {
        // The data is to blame only if the store works.
        apply::position(&writer.connection)?;
    }
    result
}

/// Whether the database cannot be written any more.
fn is_lost(database: &Database) -> bool {
    let Ok(writer) = database.writer() else {
        return true;
    };
    matches!(apply::position(&writer.connection), Err(Fault::Store(_)))
}

fn read<T>(
    database: &Database,
    job: Job,
    question: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let connection = database.reader()?;
    let Some(running) = job.begin(connection.interrupt_handle()) else {
        return Err(Fault::Data("nobody waits for the answer".into()));
    };
    let answer = question(&connection);
    if running.end() {
        database.give_back(connection);
    }
    answer
}
