//! Putting a compacted copy in the place of the file.

use std::{
    fs, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use paneld_domain::Timestamp;
use tokio::{
    pin,
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    DuckDbStore, LOOK_AGAIN,
    access::{Access, Inner, MOST_AT_ONCE},
};
use crate::{
    Cause, EventsError, Removals,
    duckdb::{
        compaction,
        fault::Fault,
        interrupt::{self, Job},
        write::removals,
    },
};

/// How much longer than other answers those that are sent in parts may go on before they are
/// ended.
const PATIENCE: u32 = 10;

/// How often it is looked whether the file is closed. Nobody but a question whether the store is
/// up has a hold on it then.
const LOOKS: usize = 500;

impl DuckDbStore {
    pub(crate) fn is_sending_parts(&self) -> bool {
        self.inner.streams.available_permits() < MOST_AT_ONCE
    }

    pub(crate) async fn removals(&self, now: Timestamp) -> Result<Option<Removals>, EventsError> {
        self.write(move |writer| removals::find(&writer.connection, now))
            .await
    }

    /// Writes the file anew, so that nothing is left in it of what was removed until now. It
    /// needs room for the file once more, and one second for some 200,000 events.
    ///
    /// Meanwhile nothing is written and no answer is sent in parts. Other questions are answered,
    /// but for a moment at the end, for which they wait. Whatever happens, there is one good file:
    /// the old one, or the new one.
    ///
    /// The copy is given up when the future is dropped.
    ///
    /// # Errors
    /// When the file could not be written anew; then everything is as before.
    pub(crate) async fn compact(&self, removals: Removals) -> Result<(), EventsError> {
        let parts = self.no_parts().await?;
        let writes = all(&self.inner.writes, 1).await?;
        let (waiter, job) = interrupt::pair();
        let inner = Arc::clone(&self.inner);
        let copied = spawn_blocking(move || (inner.copy(job, removals.made), writes, parts));
        let (copied, writes, parts) = copied.await.map_err(EventsError::away)?;
        drop(waiter);
        copied?;
        let reads = all(&self.inner.reads, MOST_AT_ONCE).await?;
        let inner = Arc::clone(&self.inner);
        let exchanged = spawn_blocking(move || {
            let _turns = (parts, writes, reads);
            inner.exchange()
        });
        exchanged.await.map_err(EventsError::away)?
    }

    /// Waits until no answer is sent in parts, and lets none begin; ends those that take too long.
    async fn no_parts(&self) -> Result<OwnedSemaphorePermit, EventsError> {
        let turns = all(&self.inner.streams, MOST_AT_ONCE);
        pin!(turns);
        match timeout(self.read_time * PATIENCE, &mut turns).await {
            Ok(all) => all,
            Err(_elapsed) => {
                let _hurry = Hurry::begin(&self.inner.ending.by_compaction);
                turns.await
            }
        }
    }
}

async fn all(turns: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, EventsError> {
    let turns = Arc::clone(turns).acquire_many_owned(count as u32).await;
    turns.map_err(EventsError::away)
}

/// While this is there, answers in parts end.
struct Hurry<'a>(&'a AtomicBool);

impl<'a> Hurry<'a> {
    fn begin(must_end: &'a AtomicBool) -> Self {
        must_end.store(true, Ordering::Relaxed);
        Self(must_end)
    }
}

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Everything here blocks.
impl Inner {
    /// Keeps the file from being exchanged while a question is asked.
    pub(crate) fn hold_open(&self) -> Result<OwnedSemaphorePermit, EventsError> {
        Handle::current().block_on(all(&self.reads, 1))
    }

    /// The same for an answer that is sent in parts.
    pub(crate) fn hold_open_for_parts(&self) -> Result<OwnedSemaphorePermit, EventsError> {
        Handle::current().block_on(all(&self.streams, 1))
    }

    fn copy(&self, job: Job, removals: u64) -> Result<(), EventsError> {
        self.write(|writer| {
            let Some(running) = job.begin(writer.connection.interrupt_handle()) else {
                return Err(Fault::Data("nobody waits for the copy".into()));
            };
            compaction::copy(&writer.connection, &self.place, removals, running)
        })
    }

    /// Closes the file, puts its copy in its place, and opens that. Nothing may be asked or
    /// written meanwhile.
    fn exchange(&self) -> Result<(), EventsError> {
        let mut state = self.state();
        match mem::replace(&mut state.access, Access::Opening) {
            Access::Open(database) => {
                drop(state);
                drop(database);
            }
            other => {
                state.access = other;
                return Err(EventsError::away("it is not open"));
            }
        }
        let replaced = self.replace_file();
        let opened = self.open();
        replaced.map_err(EventsError::Away)?;
        opened.map(drop)
    }

    fn replace_file(&self) -> Result<(), Cause> {
        let place = &self.place;
        let is_closed = (0..LOOKS).any(|_| {
            let is_closed = !place.is_in_use();
            if !is_closed {
                thread::sleep(LOOK_AGAIN);
            }
            is_closed
        });
        if !is_closed {
            return Err("it was not closed".into());
        }
        if place.log().try_exists()? {
            // It belongs to the old file. Opening it takes what is in there.
            return Err("it was closed without a checkpoint".into());
        }
        fs::rename(place.new_file(), place.path())?;
        Ok(paneld_files::sync_folder_of(place.path())?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn an_answer_in_parts_that_goes_on_and_on_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let store = DuckDbStore::new(
            &folder.path().join("events.duckdb"),
            &folder.path().join("temp"),
            128 << 20,
        );
        assert!(store.is_up().await);
        let store = store.with_read_time(Duration::from_millis(200));
        let endless = store.stream(|_, outlet| {
            loop {
                outlet.send(())?;
            }
        });
        let mut parts = endless.await.unwrap();
        let read = tokio::spawn(async move {
            while parts.next().await?.is_some() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Ok::<_, EventsError>(())
        });
        assert!(store.is_sending_parts());
        let removals = Removals {
            made: 0,
            since: Timestamp::UNIX_EPOCH,
        };
        store.compact(removals).await.unwrap();
        let ended = read.await.unwrap();
        assert!(matches!(ended, Err(EventsError::Away(_))), "{ended:?}");

        // The next one is let be.
        let mut parts = store.stream(|_, outlet| outlet.send(7)).await.unwrap();
        assert_eq!(parts.next().await.unwrap(), Some(7));
        assert_eq!(parts.next().await.unwrap(), None);
    }
}
