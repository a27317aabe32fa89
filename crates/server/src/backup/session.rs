//! The making of a backup, file by file.
//!
//! The order is what makes the files go together: the event store is held still while it is
//! copied, and before it is let go, the moment of the spool's copy is taken. No record leaves the
//! spool that the event store lacks, so it is in that copy. The catalog is last: every project
//! that has events is in it. It may be further than the spool; how far it counts for a restored
//! spool is limited by the last record in that.

use std::{path::PathBuf, sync::Arc, time::Duration};

use paneld_service::{Pipeline, Repository, StillFile};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::{
    BackupError,
    contents::{BackupFile, Contents},
    names::{CATALOG, EVENTS, SPOOL},
    staging::Staging,
};

/// How long the copying of one file may take.
pub(super) const MOST_TIME: Duration = Duration::from_secs(30 * 60);

/// What is backed up.
#[derive(Debug)]
pub(super) struct Stores {
    pub(super) data_dir: PathBuf,
    pub(super) repository: Repository,
    pub(super) pipeline: Option<Pipeline>,
    /// Whose turn it is: one backup at a time is made.
    pub(super) turn: Arc<Mutex<()>>,
}

/// A backup that is being made. Whenever it is dropped, everything goes on as before.
#[derive(Debug)]
pub(super) struct Session {
    stores: Arc<Stores>,
    next: Next,
    /// The file of the event store, while it is copied.
    still: Option<StillFile>,
    staging: Staging,
    _turn: OwnedMutexGuard<()>,
}

/// Which file is next.
#[derive(Debug, Clone, Copy)]
enum Next {
    Events,
    Spool,
    Catalog,
    Nothing,
}

impl Session {
    pub(super) fn begin(stores: &Arc<Stores>) -> Result<Self, BackupError> {
        let turn = Arc::clone(&stores.turn).try_lock_owned();
        let turn = turn.map_err(|_another| BackupError::Busy)?;
        Ok(Self {
            stores: Arc::clone(stores),
            next: Next::Events,
            still: None,
            staging: Staging::make(&stores.data_dir)?,
            _turn: turn,
        })
    }

    /// The next file, to be copied before the one after it is asked for; `None` when there are no
    /// more.
    pub(super) async fn next(&mut self) -> Result<Option<BackupFile>, BackupError> {
        self.demand_ease()?;
        loop {
            let part = match self.next {
                Next::Events => {
                    self.next = Next::Spool;
                    self.hold_events().await?
                }
                Next::Spool => {
                    self.next = Next::Catalog;
                    self.copy_spool().await?
                }
                Next::Catalog => {
                    self.next = Next::Nothing;
                    self.copy_catalog().await?
                }
                Next::Nothing => return Ok(None),
            };
            if part.is_some() {
                return Ok(part);
            }
        }
    }

    /// Demands that the server can go on like this.
    pub(super) fn demand_ease(&self) -> Result<(), BackupError> {
        match &self.stores.pipeline {
            Some(Pipeline { ingest, .. }) if self.still.is_some() => {
                if ingest.is_half_full() {
                    return Err(BackupError::Backlog);
                }
                // What is applied makes room.
                match ingest.is_writable() {
                    true => Ok(()),
                    false => Err(BackupError::NoRoom),
                }
            }
            _ => Ok(()),
        }
    }

    async fn hold_events(&mut self) -> Result<Option<BackupFile>, BackupError> {
        let Some(Pipeline { store, .. }) = &self.stores.pipeline else {
            return Ok(None);
        };
        let still = store.hold_still().await.map_err(BackupError::events)?;
        let Some(still) = still else {
            // They are elsewhere, and so is what is made of them there.
            return Ok(None);
        };
        let part = BackupFile {
            name: EVENTS.to_owned(),
            path: still.path().to_owned(),
            bytes: still.bytes(),
            contents: still.contents().clone().into(),
        };
        self.still = Some(still);
        Ok(Some(part))
    }

    async fn copy_spool(&mut self) -> Result<Option<BackupFile>, BackupError> {
        let Some(Pipeline { ingest, .. }) = &self.stores.pipeline else {
            return Ok(None);
        };
        let snapshot = ingest.snapshot_spool().map_err(BackupError::spool)?;
        if let Some(still) = self.still.take() {
            still.end().map_err(BackupError::events)?;
        }
        let copied = snapshot.copy_to(self.staging.path(SPOOL)).await;
        let contents = copied.map_err(BackupError::spool)?;
        self.staged(SPOOL, contents.into()).map(Some)
    }

    async fn copy_catalog(&mut self) -> Result<Option<BackupFile>, BackupError> {
        let copy = self.staging.path(CATALOG);
        // It was copied on, and takes room.
        let spool = self.staging.path(SPOOL);
        paneld_files::remove(&spool).map_err(BackupError::file(spool))?;
        let copied = self.stores.repository.copy_to(&copy).await;
        match copied.map_err(BackupError::catalog)? {
            Some(contents) => self.staged(CATALOG, contents.into()).map(Some),
            None => Ok(None),
        }
    }

    fn staged(&self, name: &str, contents: Contents) -> Result<BackupFile, BackupError> {
        let path = self.staging.path(name);
        let found = std::fs::metadata(&path).map_err(BackupError::file(&path))?;
        Ok(BackupFile {
            name: name.to_owned(),
            // Whoever copies it may be in another folder.
            path: std::path::absolute(&path).map_err(BackupError::file(&path))?,
            bytes: found.len(),
            contents,
        })
    }
}
