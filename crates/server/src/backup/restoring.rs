//! Putting the files of a backup in their places.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use paneld_service::ingest::renew_spool;

use super::{
    BackupError,
    contents::{Contents, demand_together},
    names::{CATALOG, EVENTS, SPOOL},
};
use crate::{
    DataDirError,
    data_dir::{self, Lock, RESTORING},
};

/// All that there must be nothing of where a backup is restored.
const DATA: &[&str] = &[
    CATALOG,
    "catalog.sqlite-wal",
    SPOOL,
    EVENTS,
    "events.duckdb.wal",
];

/// A restore that is under way. Dropped before it is [finished](Self::finish), it leaves nothing.
#[derive(Debug)]
pub struct Restoring {
    data_dir: PathBuf,
    staging: PathBuf,
    _lock: Lock,
}

impl Restoring {
    /// Begins to restore into a data folder, which is made if need be.
    ///
    /// # Errors
    /// When there is data, when a server uses the folder, or when it cannot be used.
    pub fn begin(data_dir: &Path) -> Result<Self, BackupError> {
        data_dir::prepare(data_dir)?;
        let lock = Lock::take_any(data_dir)?;
        let staging = data_dir.join(RESTORING);
        let there = DATA.iter().map(|name| data_dir.join(name));
        if let Some(there) = there.into_iter().find(|path| path.exists()) {
            return Err(match staging.exists() {
                true => DataDirError::HalfRestored(data_dir.to_owned()).into(),
                false => BackupError::Occupied(there),
            });
        }
        // One that was killed left it.
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(BackupError::file(&staging))?;
        }
        paneld_files::make_folder(&staging).map_err(BackupError::file(&staging))?;
        Ok(Self {
            data_dir: data_dir.to_owned(),
            staging,
            _lock: lock,
        })
    }

    /// Where the files are to be unpacked, by their names.
    pub fn folder(&self) -> &Path {
        &self.staging
    }

    /// Puts the files that were unpacked and checked in their places, and gives the spool an id
    /// of its own. It blocks.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn finish(self, files: &[(String, Contents)]) -> Result<(), BackupError> {
        let of = |wanted: &str| files.iter().find(|(name, _)| name == wanted);
        if let (Some((_, store)), Some((_, spool))) = (of(EVENTS), of(SPOOL)) {
            demand_together(store, spool)?;
        }
        if of(SPOOL).is_some() {
            renew_spool(&self.staging.join(SPOOL)).map_err(BackupError::spool)?;
        }
        for (name, _) in files {
            let path = self.staging.join(name);
            let written = File::open(&path).and_then(|file| file.sync_all());
            written.map_err(BackupError::file(path))?;
        }
        for (name, _) in files {
            let path = self.data_dir.join(name);
            fs::rename(self.staging.join(name), &path).map_err(BackupError::file(path))?;
        }
        let done = fs::remove_dir_all(&self.staging)
            .and_then(|()| paneld_files::sync_folder_of(&self.staging));
        done.map_err(BackupError::file(&self.staging))
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        // Where some files are in their places and others not, it says so.
        let is_begun = DATA.iter().any(|name| self.data_dir.join(name).exists());
        if !is_begun {
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}
