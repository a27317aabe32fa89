//! The store as it is handed around: what is asked of it, and what is written.

mod access;
mod compaction;
mod still;

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use paneld_analytics::Window;
use paneld_domain::{ErrorChain, Event, ProjectKey, Session, Timestamp, Zone};
use tokio::{task::spawn_blocking, time::sleep};

use self::access::Inner;
pub(crate) use self::access::Kind;
pub use self::still::StillFile;
use crate::{
    Asker, Batch, Erased, EventsError, Pace, ProfileNumbers,
    duckdb::{
        counted::Counted,
        database::{Place, Writer},
        fault::Fault,
        read,
        write::apply,
    },
};

/// How long an answer may take, waiting for its turn included.
const READ_TIME: Duration = Duration::from_secs(30);

/// Big transactions cost less, and nobody sees that a report is a little late. Where much comes in,
/// what counts is that a session which goes on is written once, and not with each of its events.
const PACE: Pace = Pace {
    most: 8_000,
    gather: Duration::from_millis(200),
    gather_busy: Duration::from_millis(700),
    busy: 2_000,
};

/// While the file is being closed.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The store in a file. Clones are handles of the same store. What its methods promise stands at
/// those of [`crate::EventStore`].
#[derive(Clone)]
pub(crate) struct DuckDbStore {
    pub(crate) inner: Arc<Inner>,
    pub(crate) read_time: Duration,
    pub(crate) asker: Asker,
}

impl DuckDbStore {
    /// A store in the file, which is made when it is first needed. It takes about so many bytes of
    /// memory; what does not fit goes to the temporary folder.
    pub(crate) fn new(path: &Path, temp_dir: &Path, memory: u64) -> Self {
        Self {
            inner: Arc::new(Inner::new(Place::new(path, temp_dir, memory))),
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

    pub(crate) async fn applied_position(&self) -> Result<u64, EventsError> {
        self.write(|writer| apply::position(&writer.connection))
            .await
    }

    pub(crate) async fn apply(&self, batch: Batch) -> Result<Vec<Erased>, EventsError> {
        let counted = self.counted();
        let removes = batch.changes.iter().any(|(_, change)| change.removes());
        let applied = self.write_again(Kind::Batch, move |writer| {
            let applied = apply::apply(writer, &batch);
            // Even after a failure: nobody knows what became of it.
            counted.note(&batch.changes);
            applied
        });
        let erased = applied.await?;
        if removes && let Err(error) = self.checkpoint().await {
            // What was removed is in the file still, until the next checkpoint.
            let error = ErrorChain(&error);
            tracing::warn!(%error, "there was no checkpoint after a removal");
        }
        Ok(erased)
    }

    pub(crate) async fn checkpoint(&self) -> Result<(), EventsError> {
        self.write(|writer| apply::checkpoint(&writer.connection))
            .await
    }

    pub(crate) fn pace(&self) -> Pace {
        PACE
    }

    pub(crate) fn is_answering(&self) -> bool {
        self.inner.answering.is_any()
    }

    pub(crate) async fn is_up(&self) -> bool {
        let inner = Arc::clone(&self.inner);
        let up = spawn_blocking(move || {
            !inner.state().is_opening() && inner.database().is_ok() && inner.state().is_up()
        })
        .await;
        up.unwrap_or(false)
    }

    pub(crate) async fn close(&self) {
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

    pub(crate) async fn count_visitors(
        &self,
        project: ProjectKey,
        window: Window,
    ) -> Result<u64, EventsError> {
        self.read(move |connection| read::count_visitors(connection, project, window))
            .await
    }

    pub(crate) async fn count_events(&self) -> Result<HashMap<ProjectKey, u64>, EventsError> {
        self.read(read::count_events).await
    }

    pub(crate) async fn list_projects(&self) -> Result<HashSet<ProjectKey>, EventsError> {
        self.read(read::list_projects).await
    }

    pub(crate) async fn profile_devices(
        &self,
        project: ProjectKey,
        profile_id: String,
        most: usize,
    ) -> Result<Vec<String>, EventsError> {
        self.read(move |connection| read::profile_devices(connection, project, &profile_id, most))
            .await
    }

    pub(crate) async fn profile_events(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Event>, EventsError> {
        self.read(move |connection| read::profile_events(connection, project, &profile_id, limit))
            .await
    }

    pub(crate) async fn profile_sessions(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Session>, EventsError> {
        self.read(move |connection| read::profile_sessions(connection, project, &profile_id, limit))
            .await
    }

    pub(crate) async fn device_sessions(
        &self,
        project: ProjectKey,
        devices: Vec<String>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Session>, EventsError> {
        self.read(move |connection| read::device_sessions(connection, project, &devices, from, to))
            .await
    }

    pub(crate) async fn profile_numbers(
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

    /// The same as [`Self::write`], of what is written again and again: until it can be, the store
    /// is not back.
    pub(crate) async fn write_again<T, F>(&self, kind: Kind, work: F) -> Result<T, EventsError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Writer) -> Result<T, Fault> + Send + 'static,
    {
        let written = self.write(work).await;
        let mut state = self.inner.state();
        match &written {
            Ok(_) => {
                if state.unwritten.remove(&kind) {
                    self.inner.note_back(&mut state);
                }
            }
            Err(EventsError::Away(_)) => {
                state.unwritten.insert(kind);
            }
            Err(_) => {}
        }
        written
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
}

#[cfg(test)]
mod tests {
    use duckdb::Connection;
    use tempfile::TempDir;

    use super::{
        access::{Access, RETRY_AFTER},
        *,
    };

    fn store() -> (TempDir, DuckDbStore) {
        let folder = tempfile::tempdir().unwrap();
        let store = DuckDbStore::new(
            &folder.path().join("events.duckdb"),
            &folder.path().join("temp"),
            128 << 20,
        );
        (folder, store)
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

    /// A full disk can be read, and the file on it opened.
    #[tokio::test]
    async fn a_store_that_could_not_be_written_is_not_back_because_it_can_be_opened() {
        let (_folder, store) = store();
        let full = |_: &mut Writer| {
            let code = duckdb::ffi::Error::new(1);
            let message = Some("IO Error: No space left on device".into());
            Err::<(), _>(Fault::from(duckdb::Error::DuckDBFailure(code, message)))
        };
        store.write_again(Kind::Batch, full).await.unwrap_err();
        tokio::time::sleep(RETRY_AFTER).await;
        assert_eq!(store.applied_position().await.unwrap(), 0);
        assert!(!store.is_up().await);
        let batch = Batch {
            position: 1,
            changes: Vec::new(),
        };
        store.apply(batch).await.unwrap();
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
        assert!(store.count_events().await.unwrap().is_empty());
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
            "Out of Memory Error: failed to offload data block of size 256.0 KiB",
        ] {
            assert!(store.is_up().await);
            let answer = store.read(move |_| Err::<(), _>(says(message))).await;
            assert!(matches!(answer, Err(EventsError::Away(_))), "{answer:?}");
            assert!(!store.is_up().await, "{message}");
            tokio::time::sleep(RETRY_AFTER).await;
        }
        let out_of_memory =
            move |_: &Connection| Err::<(), _>(says("Out of Memory Error: failed to allocate"));
        let answer = store.read(out_of_memory).await;
        assert!(matches!(answer, Err(EventsError::TooSlow)), "{answer:?}");
        assert!(store.is_up().await);
    }

    #[tokio::test]
    async fn a_write_without_room_does_not_make_it_be_away() {
        let (_folder, store) = store();
        for message in [
            "Out of Memory Error: failed to pin block of size 256.0 KiB (127.9 MiB/128.0 MiB used)",
            "TransactionContext Error: Failed to commit: Out of Memory Error: failed to allocate",
            "FATAL Error: Failed to commit: could not allocate block of size 256.0 KiB",
        ] {
            let code = duckdb::ffi::Error::new(1);
            let fault = duckdb::Error::DuckDBFailure(code, Some(message.into()));
            let written = store.write(|_| Err::<(), _>(fault.into())).await;
            assert!(
                matches!(written, Err(EventsError::NoRoom(_))),
                "{written:?}"
            );
            assert!(store.is_up().await, "{message}");
        }
    }
}
