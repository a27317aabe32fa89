//! A folder in the data folder for copies that are on their way elsewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::BackupError;

const NAME: &str = "backup";

/// The folder, empty at first. It is removed with all that is in it when this is dropped.
#[derive(Debug)]
pub(super) struct Staging(PathBuf);

impl Staging {
    pub(super) fn make(data_dir: &Path) -> Result<Self, BackupError> {
        remove_leftover(data_dir);
        let folder = data_dir.join(NAME);
        paneld_files::make_folder(&folder).map_err(BackupError::file(&folder))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what a killed server left. What cannot be removed now is before the next backup.
pub(super) fn remove_leftover(data_dir: &Path) {
    let _ = fs::remove_dir_all(data_dir.join(NAME));
}
