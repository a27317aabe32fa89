//! The forms of a backup, and what is done with files of any.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// Whether a backup of this name is one file.
pub(super) fn is_archive(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".tar.zst")
}

/// A path beside another.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    // A folder may be given with a slash behind.
    let path = path.components().as_path();
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Removes a file or folder, if it is there.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(_) => Ok(()),
    };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

/// Makes a file that is not there yet, for its owner alone.
pub(super) fn create(path: &Path) -> anyhow::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.with_context(|| format!("cannot make {}", path.display()))
}

/// Reads, and computes the checksum of what was read.
pub(super) struct Summed<R> {
    from: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Summed<R> {
    pub(super) fn new(from: R) -> Self {
        Self {
            from,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Copies all that is left.
    pub(super) fn copy_to(&mut self, to: &mut impl Write) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = self.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count])?;
        }
    }

    /// How many bytes were read, and their checksum in hexadecimal digits.
    pub(super) fn sum(self) -> (u64, String) {
        (self.bytes, hex::encode(self.hash.finalize()))
    }
}

impl<R: Read> Read for Summed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}
