//! The data folder, which belongs to one process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use paneld_files::Access;

use crate::DataDirError;

/// Makes the folder, for its owner alone, unless it is there. A [`Server`](crate::Server) does it
/// by itself.
///
/// A folder that was there is left as it is, for a group may have it on purpose.
///
/// # Errors
/// When it cannot be made, or when everybody may write there: who can put a file in the place of
/// another can take over the server. And when others may look into it, unless the process makes
/// all of its files for their owner alone, as the binary does.
pub fn prepare(folder: &Path) -> Result<(), DataDirError> {
    let made = || -> std::io::Result<Access> {
        if !folder.try_exists()? {
            paneld_files::make_folder(folder)?;
        }
        paneld_files::access(folder)
    };
    let access = made().map_err(|source| DataDirError::Make {
        path: folder.to_owned(),
        source,
    })?;
    match access {
        Access::Closed => Ok(()),
        // DuckDB makes its files anew again and again, as open as the process lets it.
        Access::Readable if !paneld_files::is_kept_private() => {
            Err(DataDirError::OpenToReaders(folder.to_owned()))
        }
        Access::Readable => {
            tracing::warn!(
                path = %folder.display(),
                "others may look into the data folder; its files are for their owner alone all \
                 the same: chmod 700 closes it"
            );
            Ok(())
        }
        Access::Writable => Err(DataDirError::OpenToAll(folder.to_owned())),
    }
}

/// Where a backup is unpacked, in the data folder, until its files are put in their places.
pub(crate) const RESTORING: &str = "restoring";

/// Holds the folder for this server. The system lets go of it when the process ends, however it
/// ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, or says that another server has it, or that only some files of a backup
    /// are there.
    pub(crate) fn take(folder: &Path) -> Result<Self, DataDirError> {
        let lock = Self::take_any(folder)?;
        if folder.join(RESTORING).exists() {
            return Err(DataDirError::HalfRestored(folder.to_owned()));
        }
        Ok(lock)
    }

    /// Takes the folder, whatever is there.
    pub(crate) fn take_any(folder: &Path) -> Result<Self, DataDirError> {
        let path = folder.join("lock");
        let file = paneld_files::make_file(&path)
            .and_then(|()| OpenOptions::new().write(true).open(&path));
        let file = match file {
            Ok(file) => file,
            Err(source) => return Err(DataDirError::Lock { path, source }),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(DataDirError::Lock { path, source }),
        }
    }
}
