//! The data folder, which belongs to one process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::Path,
};

use anyhow::{Context as _, bail};
use paneld_files::Access;

/// Makes the folder, for its owner alone, unless it is there; and lets nobody else read what this
/// process writes from now on.
///
/// A folder that was there is left as it is, for a group may have it on purpose.
///
/// # Errors
/// When it cannot be made, or when everybody may write there: who can put a file in the place of
/// another can take over the server.
pub(crate) fn prepare(folder: &Path) -> anyhow::Result<()> {
    paneld_files::keep_private();
    let name = folder.display();
    let made = || -> std::io::Result<Access> {
        if !folder.try_exists()? {
            paneld_files::make_folder(folder)?;
        }
        paneld_files::access(folder)
    };
    match made().with_context(|| format!("cannot make the data folder {name}"))? {
        Access::Closed => {}
        Access::Readable => tracing::warn!(
            path = %name,
            "others may look into the data folder; its files are for their owner alone all the \
             same: chmod 700 closes it"
        ),
        Access::Writable => bail!(
            "every user of this machine may write to the data folder {name}: close it to them \
             with chmod o-w"
        ),
    }
    Ok(())
}

/// Holds the folder for this process. The system lets go of it when the process ends, however
/// it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, or says who has it.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("lock");
        let file = paneld_files::make_file(&path)
            .and_then(|()| OpenOptions::new().write(true).open(&path))
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => bail!(
                "another paneld process is using the data folder {}: stop it, or give this one \
                 another folder with --data-dir",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }
}
