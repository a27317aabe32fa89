//! Writing: batches of the spool, once; and copies of people.

mod apply;
mod copies;
mod remove;

use paneld_domain::Timestamp;
use tokio::sync::{MappedMutexGuard, MutexGuard};

pub(crate) use self::copies::ClickHouseCopies;
use super::{sql::moment, store::ClickHouseStore, writer::Writer};
use crate::{Batch, Erased, EventsError, Removals};

impl ClickHouseStore {
    pub(crate) async fn applied_position(&self) -> Result<u64, EventsError> {
        Ok(self.writer().await?.progress.applied)
    }

    pub(crate) async fn unfinished_position(&self) -> Result<Option<u64>, EventsError> {
        let writer = self.writer().await?;
        let begun = writer.progress.begun.as_ref();
        Ok(begun.map(|begun| begun.position))
    }

    pub(crate) async fn copied_position(&self) -> Result<u64, EventsError> {
        Ok(self.writer().await?.progress.copied)
    }

    pub(crate) async fn apply(&self, batch: Batch) -> Result<Vec<Erased>, EventsError> {
        let mut writer = self.writer().await?;
        self.inner.written(writer.apply(&batch).await)
    }

    pub(crate) async fn removals(&self, now: Timestamp) -> Result<Option<Removals>, EventsError> {
        let mut writer = self.writer().await?;
        let noted = writer.note(|progress| {
            let removals = &mut progress.removals;
            if removals.made > removals.compacted {
                removals.seen_at.get_or_insert(now.timestamp_millis());
            }
        });
        let noted = noted.await;
        self.inner.written(noted)?;
        let removals = &writer.progress.removals;
        Ok(removals.seen_at.map(|since| Removals {
            made: removals.made,
            since: moment(since),
        }))
    }

    /// Rows that were removed are in no table any more, and the server drops the parts that they
    /// were in by itself.
    pub(crate) async fn compact(&self, removals: Removals) -> Result<(), EventsError> {
        let mut writer = self.writer().await?;
        let noted = writer.note(|progress| {
            progress.removals.compacted = removals.made;
            progress.removals.seen_at = None;
        });
        let noted = noted.await;
        self.inner.written(noted)
    }

    /// What writes, with nobody else at it.
    async fn writer(&self) -> Result<MappedMutexGuard<'_, Writer>, EventsError> {
        let inner = &self.inner;
        inner.ready().await?;
        let mut writer = inner.writer.lock().await;
        if writer.is_none() {
            let (client, spools) = (inner.client.clone(), inner.spools.clone());
            let opened = Writer::open(client, spools, inner.journal.clone()).await;
            *writer = Some(inner.written(opened)?);
        }
        MutexGuard::try_map(writer, Option::as_mut)
            .map_err(|_none| EventsError::away("it was closed"))
    }
}
