//! Some of the disk that is kept free for when there is nothing else left of it: to remove what is
//! applied takes a few pages, too, and the store takes them where the file may have no disk yet.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// How many bytes are kept.
const BYTES: u64 = 1024 * 1024;

/// A file that does nothing but take room.
#[derive(Debug)]
pub(super) struct Reserve(PathBuf);

impl Reserve {
    /// That beside the file of a spool. It is made if there is twice as much room.
    pub(super) fn beside(spool: &Path) -> Self {
        let reserve = Self(spool.with_extension("reserve"));
        // It may not be there; and there is nothing in it that others could read.
        let _ = paneld_files::close(&reserve.0);
        reserve.keep();
        reserve
    }

    /// Makes it, if it is not there and there is twice as much room.
    pub(super) fn keep(&self) {
        if self.is_there() || self.left_on_disk() < 2 * BYTES {
            return;
        }
        let make = || -> std::io::Result<()> {
            paneld_files::make_file(&self.0)?;
            let file = OpenOptions::new().write(true).open(&self.0)?;
            Ok(fallocate(&file, FallocateFlags::empty(), 0, BYTES)?)
        };
        if make().is_err() {
            self.spend();
        }
    }

    /// Makes room.
    pub(super) fn spend(&self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }

    /// How many bytes are free on the disk beside it; 0 where that is not known.
    pub(super) fn free_bytes(&self) -> u64 {
        let missing = if self.is_there() { 0 } else { BYTES };
        self.left_on_disk().saturating_sub(missing)
    }

    fn is_there(&self) -> bool {
        self.0.exists()
    }

    fn left_on_disk(&self) -> u64 {
        let folder = self
            .0
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let disk = statvfs(folder.unwrap_or(Path::new(".")));
        disk.map_or(0, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}
