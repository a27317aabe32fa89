//! The face of the event store.

use std::{
    collections::HashMap,
    error::Error,
    panic::catch_unwind,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use duckdb::Connection;
use paneld_analytics::Window;
use paneld_domain::{ErrorChain, Event, ProjectKey, Session, Zone};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};

use crate::{
    Batch, Erased, EventsError, EventsUrl, ProfileNumbers, apply,
    counted::Counted,
    database::{Database, Place, Writer},
    error::{Cause, Fault},
    interrupt::{self, Job},
    parts::{self, Outlet, Parts},
    read,
};

/// How many questions are answered at once; DuckDB uses all its threads for each.
const READERS: usize = 2;

/// How many answers are sent in parts at once, beside the others: each may take minutes.
const STREAMS: usize = 2;

/// How long an answer may take, waiting for its turn included.
const READ_TIME: Duration = Duration::from_secs(30);

/// While the file is being closed.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// How long to wait while somebody opens the file, which takes a minute when its tables have to be
/// made anew.
const OPENING: Duration = Duration::from_secs(2);

/// How long a store that is away is left alone before it is opened again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The event store. Clones are handles of the same store.
///
/// Questions are answered at the same time as batches are applied, two at once; each sees what
/// was committed when it began.
#[derive(Clone)]
pub struct EventStore {
    inner: Arc<Inner>,
    read_time: Duration,
}

impl EventStore {
    /// A store in the file of the URL, which is made when it is first needed. It takes about so
    /// many bytes of memory; what does not fit goes to the temporary folder, which nothing else
    /// may use.
    ///
    /// This opens nothing yet. A file that cannot be opened makes the store be away; it is tried
    /// again, at most once a second, whenever something is asked.
    pub fn new(url: &EventsUrl, temp_dir: &Path, memory: u64) -> Self {
        let EventsUrl::DuckDb(path) = url;
        Self {
            inner: Arc::new(Inner {
                place: Place::new(path, temp_dir, memory),
                state: Mutex::default(),
                opened: Condvar::new(),
                reads: Arc::new(Semaphore::new(READERS)),
                streams: Arc::new(Semaphore::new(STREAMS)),
                writes: Arc::new(Semaphore::new(1)),
                counted: Arc::new(Counted::new()),
            }),
            read_time: READ_TIME,
        }
    }

    /// The same store, with another limit of the time that an answer may take.
    #[must_use]
    pub fn with_read_time(self, read_time: Duration) -> Self {
        Self { read_time, ..self }
    }

    /// The position in the spool up to which everything was applied; 0 when nothing was.
    pub async fn applied_position(&self) -> Result<u64, EventsError> {
        self.write(|writer| apply::position(&writer.connection))
            .await
    }

    /// Applies a batch and its position, whole or not at all. When this returns `Ok`, it is on
    /// disk. A batch that was applied before is not applied again. Tells what its erasures
    /// removed, in their order; nothing of a batch that was applied before.
    pub async fn apply(&self, batch: Batch) -> Result<Vec<Erased>, EventsError> {
        let counted = self.counted();
        self.write(move |writer| {
            let applied = apply::apply(writer, &batch);
            // Even after a failure: nobody knows what became of it.
            counted.note(&batch.changes);
            applied
        })
        .await
    }

    /// Moves what was written from the write-ahead log into the tables' file, after an erasure
    /// say. It also happens by itself, and when the store is closed.
    pub async fn checkpoint(&self) -> Result<(), EventsError> {
        self.write(|writer| apply::checkpoint(&writer.connection))
            .await
    }

    /// Whether the store can be used now, as far as is known without a question to it.
    pub async fn is_up(&self) -> bool {
        let inner = Arc::clone(&self.inner);
        let up =
            spawn_blocking(move || !inner.state().is_opening() && inner.database().is_ok()).await;
        up.unwrap_or(false)
    }

    /// Closes the file, as soon as nothing is at work in it. The store is away ever after.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        let closed = spawn_blocking(move || inner.close()).await;
        if let Err(error) = closed {
            tracing::error!(error = %ErrorChain(&error), "the event store was not closed cleanly");
        }
        // Whatever is at work has a hold on it.
        while self.inner.place.is_in_use() {
            sleep(LOOK_AGAIN).await;
        }
    }

    /// How many people, known or not, did something in a window.
    pub async fn count_visitors(
        &self,
        project: ProjectKey,
        window: Window,
    ) -> Result<u64, EventsError> {
        self.read(move |connection| read::count_visitors(connection, project, window))
            .await
    }

    /// How many events each project has; those that have none are left out.
    pub async fn count_events(&self) -> Result<HashMap<ProjectKey, u64>, EventsError> {
        self.read(read::count_events).await
    }

    /// The devices on which the profile did something.
    pub async fn profile_devices(
        &self,
        project: ProjectKey,
        profile_id: String,
    ) -> Result<Vec<String>, EventsError> {
        self.read(move |connection| read::profile_devices(connection, project, &profile_id))
            .await
    }

    /// The newest events that have the profile's id.
    pub async fn profile_events(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Event>, EventsError> {
        self.read(move |connection| read::profile_events(connection, project, &profile_id, limit))
            .await
    }

    /// The newest sessions that have the profile's id.
    pub async fn profile_sessions(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Session>, EventsError> {
        self.read(move |connection| read::profile_sessions(connection, project, &profile_id, limit))
            .await
    }

    /// What can be counted of a profile; zeros when nothing is known of it. Days are those of the
    /// zone.
    pub async fn profile_numbers(
        &self,
        project: ProjectKey,
        profile_id: String,
        zone: Zone,
    ) -> Result<ProfileNumbers, EventsError> {
        self.read(move |connection| read::profile_numbers(connection, project, &profile_id, zone))
            .await
    }

    /// What was counted before.
    pub(crate) fn counted(&self) -> Arc<Counted> {
        Arc::clone(&self.inner.counted)
    }

    /// Does something as the one that writes. It goes on when the future is dropped.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer) -> Result<T, Fault> + Send + 'static,
    {
        let turn = Arc::clone(&self.inner.writes).acquire_owned().await;
        let turn = turn.map_err(EventsError::away)?;
        let inner = Arc::clone(&self.inner);
        let written = spawn_blocking(move || {
            let _turn = turn;
            inner.write(work)
        });
        written.await.map_err(EventsError::away)?
    }

    /// Asks something, within the time that an answer may take. The query is interrupted when
    /// the time is over or the future is dropped.
    pub(crate) async fn read<T, F>(&self, question: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let answer = timeout(self.read_time, self.read_unbounded(question)).await;
        answer.unwrap_or(Err(EventsError::TooSlow))
    }

    /// Asks something whose answer comes in parts. The query is interrupted when the parts are
    /// dropped. Only its turn and the first part have to come within the time that an answer may
    /// take.
    pub(crate) async fn stream<T, F>(&self, question: F) -> Result<Parts<T>, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Outlet<T>) -> Result<(), Fault> + Send + 'static,
    {
        let begun = timeout(self.read_time, async {
            let turn = Arc::clone(&self.inner.streams).acquire_owned().await;
            let turn = turn.map_err(EventsError::away)?;
            let inner = Arc::clone(&self.inner);
            let (waiter, job) = interrupt::pair();
            let (outlet, parts) = parts::pair(waiter);
            spawn_blocking(move || {
                // Given back only when the query has really ended.
                let _turn = turn;
                let sent = inner.read(job, |connection| question(connection, &outlet));
                outlet.end(sent);
            });
            parts.begun().await
        });
        begun.await.unwrap_or(Err(EventsError::TooSlow))
    }

    async fn read_unbounded<T, F>(&self, question: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        let turn = Arc::clone(&self.inner.reads).acquire_owned().await;
        let turn = turn.map_err(EventsError::away)?;
        let inner = Arc::clone(&self.inner);
        let (waiter, job) = interrupt::pair();
        let answer = spawn_blocking(move || {
            // Given back only when the query has really ended.
            let _turn = turn;
            inner.read(job, question)
        });
        let answer = answer.await;
        drop(waiter);
        answer.map_err(EventsError::away)?
    }
}

struct Inner {
    place: Place,
    state: Mutex<State>,
    /// Notified when [`Access::Opening`] ends.
    opened: Condvar,
    reads: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct State {
    access: Access,
    /// Whether it was said that the store is away.
    is_away: bool,
}

impl State {
    fn is_opening(&self) -> bool {
        matches!(self.access, Access::Opening)
    }
}

/// What there is of the file.
#[derive(Default)]
enum Access {
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

/// Everything here blocks.
impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database; opened if it is not, unless that was tried just now.
    fn database(&self) -> Result<Arc<Database>, EventsError> {
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
    fn open(&self) -> Result<Arc<Database>, EventsError> {
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
            Ok(database) => Access::Open(Arc::clone(database)),
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
            self.note_away(&mut state, cause);
        }
    }

    fn close(&self) {
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

    fn note_back(&self, state: &mut State) {
        if std::mem::replace(&mut state.is_away, false) {
            tracing::info!(path = %self.place.path().display(), "the event store is back");
        }
    }

    fn write<T>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, Fault>,
    ) -> Result<T, EventsError> {
        let database = self.database()?;
        let result = write(&database, work);
        result.map_err(|fault| match fault {
            Fault::Data(cause) => EventsError::Rejected(cause),
            // Nothing that is written is an answer.
            Fault::TooLarge => EventsError::TooLarge,
            Fault::Store(cause) | Fault::Memory(cause) => {
                self.lose(&database, &*cause);
                EventsError::Away(cause)
            }
        })
    }

    fn read<T>(
        &self,
        job: Job,
        question: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, EventsError> {
        let database = self.database()?;
        let answer = read(&database, job, question);
        answer.map_err(|fault| match fault {
            Fault::Data(cause) => EventsError::Rejected(cause),
            Fault::TooLarge => EventsError::TooLarge,
            Fault::Memory(_) => EventsError::TooSlow,
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

impl std::fmt::Debug for EventStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn store() -> (TempDir, EventStore) {
        let folder = tempfile::tempdir().unwrap();
        let url = EventsUrl::DuckDb(folder.path().join("events.duckdb"));
        let store = EventStore::new(&url, &folder.path().join("temp"), 128 << 20);
        (folder, store)
    }

    /// Takes minutes.
    fn slow_question(connection: &Connection) -> Result<u64, Fault> {
        let sql = "SELECT count(*) FROM range(1000000000) a, range(1000) b
            WHERE (a.range * b.range) % 7 = 3";
        Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Both turns are to be had again, and soon.
    async fn assert_answers(store: &EventStore) {
        let store = store.clone().with_read_time(Duration::from_secs(5));
        for _ in 0..READERS + 1 {
            assert!(store.count_events().await.unwrap().is_empty());
        }
        let all = store.inner.reads.acquire_many(READERS as u32);
        let all = timeout(Duration::from_secs(5), all).await;
        assert!(all.is_ok(), "a query goes on");
    }

    #[tokio::test]
    async fn an_answer_that_takes_too_long_is_given_up() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let hasty = store.clone().with_read_time(Duration::from_millis(300));
        for _ in 0..3 {
            let answer = hasty.read(slow_question).await;
            assert!(matches!(answer, Err(EventsError::TooSlow)), "{answer:?}");
        }
        assert_answers(&store).await;
    }

    #[tokio::test]
    async fn a_query_nobody_waits_for_is_interrupted() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        for millis in [0, 1, 5, 50, 200] {
            let answer = store.read(slow_question);
            let dropped = timeout(Duration::from_millis(millis), answer).await;
            assert!(dropped.is_err());
        }
        assert_answers(&store).await;
    }

    #[tokio::test]
    async fn no_more_answers_than_there_are_turns_are_made_at_once() {
        let (_folder, store) = store();
        assert!(store.is_up().await);
        let hasty = store.clone().with_read_time(Duration::from_millis(600));
        let slow = [(); READERS].map(|()| {
            let hasty = hasty.clone();
            tokio::spawn(async move { hasty.read(slow_question).await })
        });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let third = store.with_read_time(Duration::from_millis(100));
        let answer = third.count_events().await;
        assert!(matches!(answer, Err(EventsError::TooSlow)), "{answer:?}");
        for answer in slow {
            assert!(answer.await.unwrap().is_err());
        }
    }

    #[tokio::test]
    async fn batches_are_applied_beside_slow_answers() {
        let (_folder, store) = store();
        let asking = store.clone().with_read_time(Duration::from_secs(2));
        let slow = tokio::spawn(async move { asking.read(slow_question).await });
        tokio::time::sleep(Duration::from_millis(200)).await;
        let changes = Vec::new();
        let batch = Batch {
            position: 1,
            changes,
        };
        store.apply(batch).await.unwrap();
        assert!(!slow.is_finished());
        assert!(slow.await.unwrap().is_err());
    }

    #[tokio::test]
    async fn after_a_write_that_panicked_the_file_is_opened_anew() {
        let (_folder, store) = store();
        let panicked = store.write(|writer| -> Result<(), Fault> {
            let connection = &writer.connection;
            connection.execute_batch("BEGIN; UPDATE applied SET position = 99")?;
            panic!("as planned");
        });
        assert!(matches!(panicked.await, Err(EventsError::Away(_))));
        assert!(store.applied_position().await.is_err());
        assert!(!store.is_up().await);
        tokio::time::sleep(RETRY_AFTER).await;
        assert_eq!(store.applied_position().await.unwrap(), 0);
        assert!(store.is_up().await);
    }

    #[tokio::test]
    async fn while_the_file_is_being_opened_the_store_is_away_and_then_back() {
        let (_folder, store) = store();
        store.inner.state().access = Access::Opening;
        assert!(!store.is_up().await);
        let answer = store.applied_position().await;
        assert!(matches!(answer, Err(EventsError::Away(_))), "{answer:?}");
        store.inner.state().access = Access::Untried;
        assert_eq!(store.applied_position().await.unwrap(), 0);
        assert!(store.is_up().await);
    }

    #[tokio::test]
    async fn who_asks_while_another_one_opens_the_file_waits_for_that() {
        let (_folder, store) = store();
        let (position, one, another) = tokio::join!(
            store.applied_position(),
            store.count_events(),
            store.count_events(),
        );
        assert_eq!(position.unwrap(), 0);
        assert!(one.unwrap().is_empty() && another.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_question_that_is_wrong_is_rejected_and_the_store_goes_on() {
        let (_folder, store) = store();
        let wrong = |connection: &Connection| {
            connection.execute_batch("SELECT nonsense")?;
            Ok(())
        };
        let answer = store.read(wrong).await;
        assert!(
            matches!(answer, Err(EventsError::Rejected(_))),
            "{answer:?}"
        );
        assert_answers(&store).await;
    }

    #[tokio::test]
    async fn what_the_store_says_of_itself_makes_it_be_away() {
        let (_folder, store) = store();
        let says = |message: &str| {
            let code = duckdb::ffi::Error::new(1);
            Fault::from(duckdb::Error::DuckDBFailure(code, Some(message.into())))
        };
        for message in [
            "IO Error: No space left on device",
            "FATAL Error: Failed: database has been invalidated because of a previous fatal error",
            "Invalid Input Error: Attempting to execute: database has been invalidated",
            "INTERNAL Error: Assertion triggered",
            "TransactionContext Error: Failed to commit: Could not write",
        ] {
            assert!(store.is_up().await);
            let fault = says(message);
            let answer = store.read(|_| Err::<(), _>(fault)).await;
            assert!(matches!(answer, Err(EventsError::Away(_))), "{answer:?}");
            assert!(!store.is_up().await, "{message}");
            tokio::time::sleep(RETRY_AFTER).await;
        }
        let fault = says("Out of Memory Error: failed to allocate");
        let answer = store.read(|_| Err::<(), _>(fault)).await;
        assert!(matches!(answer, Err(EventsError::TooSlow)), "{answer:?}");
        assert!(store.is_up().await);
    }
}
