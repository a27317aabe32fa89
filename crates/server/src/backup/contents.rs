//! The files of a backup, and what is in them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use paneld_service::{
    CatalogContents, CatalogUrl, EventsUrl, StoreContents, ingest::SpoolContents,
};
use serde::{Deserialize, Serialize};

use super::{
    error::BackupError,
    names::{EVENTS, SPOOL},
};
use crate::{Builder, data_dir::Lock};

/// What is in a store's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The version of its tables, or of its format.
    pub schema: String,
    /// The position in the spool up to which the event store has everything; of the spool, that
    /// of the last record ever written.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub position: Option<u64>,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
}

/// A file to be copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// What it is called in the backup.
    pub name: String,
    /// The path where the file is until it is copied.
    pub path: PathBuf,
    /// How many bytes it has.
    pub bytes: u64,
    /// What the file holds, as the manifest says it.
    pub contents: Contents,
}

impl Contents {
    /// Reads all of a file of a backup, which must be one of [`EVENTS`], [`SPOOL`] and
    /// [`CATALOG`](super::CATALOG) by its name. It blocks.
    ///
    /// # Errors
    /// When it is damaged, or was written by a newer program.
    pub fn of_file(name: &str, path: &Path) -> Result<Self, BackupError> {
        match name {
            EVENTS => StoreContents::of_file(path)
                .map(Self::from)
                .map_err(BackupError::events),
            SPOOL => SpoolContents::of_file(path)
                .map(Self::from)
                .map_err(BackupError::spool),
            _ => CatalogContents::of_file(path)
                .map(Self::from)
                .map_err(BackupError::catalog),
        }
    }
}

impl From<StoreContents> for Contents {
    fn from(contents: StoreContents) -> Self {
        Self {
            schema: contents.version.to_string(),
            position: Some(contents.position),
            rows: contents.rows,
        }
    }
}

impl From<SpoolContents> for Contents {
    fn from(contents: SpoolContents) -> Self {
        Self {
            schema: contents.format.to_string(),
            position: Some(contents.last),
            rows: contents.rows,
        }
    }
}

impl From<CatalogContents> for Contents {
    fn from(contents: CatalogContents) -> Self {
        Self {
            schema: contents.version,
            position: None,
            rows: contents.rows,
        }
    }
}

/// Demands that an event store has no more than its spool gave out.
pub(super) fn demand_together(store: &Contents, spool: &Contents) -> Result<(), BackupError> {
    match (store.position, spool.position) {
        (Some(store), Some(spool)) if store > spool => Err(BackupError::Apart { store, spool }),
        _ => Ok(()),
    }
}

/// Checks all that is in the data folder of a server that does not run: each file with what is
/// in it. A spool that a killed server left is mended, as a start would. It blocks.
///
/// # Errors
/// When a server runs there, when nothing is there, or when something is damaged.
pub fn check_data_dir(builder: &Builder) -> Result<Vec<(PathBuf, Contents)>, BackupError> {
    let nothing = || BackupError::Nothing(builder.data_dir.clone());
    if !builder.data_dir.is_dir() {
        return Err(nothing());
    }
    let _lock = Lock::take(&builder.data_dir)?;
    let mut found = Vec::new();
    if let CatalogUrl::Sqlite(path) = builder.catalog_url()
        && path.exists()
    {
        let contents = CatalogContents::of_file(&path).map_err(BackupError::catalog)?;
        found.push((path, contents.into()));
    }
    let spool = builder.spool();
    if spool.exists() {
        let contents = SpoolContents::check_file(&spool).map_err(BackupError::spool)?;
        let contents = Contents::from(contents);
        if let Some(EventsUrl::DuckDb(path)) = builder.events_url()
            && path.exists()
        {
            let store = StoreContents::of_file(&path).map_err(BackupError::events)?;
            let store = Contents::from(store);
            demand_together(&store, &contents)?;
            found.push((path, store));
        }
        found.push((spool, contents));
    }
    if found.is_empty() {
        return Err(nothing());
    }
    Ok(found)
}
