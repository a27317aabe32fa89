//! Files and folders that only their owner may read.
//!
//! What is kept here is about people, so no other user of the machine may read it, whatever the
//! umask is and whatever the modes of files are that were there before.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::fs::Mode;

/// The mode of files.
const FILE: u32 = 0o600;
/// The mode of folders.
const FOLDER: u32 = 0o700;
/// What everybody but the owner may do.
const OTHERS: u32 = 0o077;
/// Set for folders that many use, such as `/tmp`.
const SHARED: u32 = 0o1000;

/// From now on, all files and folders that this process makes are for its owner alone, also those
/// that libraries make.
pub fn keep_private() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    IS_KEPT_PRIVATE.store(true, Ordering::Relaxed);
}

/// Whether [`keep_private`] was called: also libraries that know nothing of this crate make files
/// for their owner alone then.
pub fn is_kept_private() -> bool {
    IS_KEPT_PRIVATE.load(Ordering::Relaxed)
}

static IS_KEPT_PRIVATE: AtomicBool = AtomicBool::new(false);

/// Makes an empty file, unless there is one; and takes away what others may do with it.
///
/// # Errors
/// When the system refuses.
pub fn make_file(path: &Path) -> io::Result<()> {
    if !path.try_exists()? {
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(FILE).open(path)?;
    }
    close(path)
}

/// Puts a file with these bytes in the place of the one of this path, if there is one. After a
/// power cut the one or the other is there, whole.
///
/// # Errors
/// When the system refuses.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    remove(new)?;
    let mut options = OpenOptions::new();
    let mut file = options.create_new(true).write(true).mode(FILE).open(new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)?;
    sync_folder_of(path)
}

/// Makes a folder, and those it is in, unless there is one; and takes away what others may do in
/// it, unless it is one that many use.
///
/// # Errors
/// When the system refuses.
pub fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER)
        .create(path)?;
    close(path)
}

/// Takes away what others may do with a file or folder, if it is there. It stays as it is, with a
/// warning, when it belongs to somebody else.
///
/// By its path, and without opening it: the locks of SQLite and DuckDB on a file end when the
/// process closes it anywhere.
///
/// # Errors
/// When the system refuses.
pub fn close(path: &Path) -> io::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(found) => found.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if mode & OTHERS == 0 || mode & SHARED != 0 {
        return Ok(());
    }
    match fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let path = path.display();
            tracing::warn!(%path, "others may read this, and it cannot be closed to them: it belongs to somebody else");
            Ok(())
        }
        closed => closed,
    }
}

/// What others than the owner may do with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing.
    Closed,
    /// Some of them may read, or the group may write.
    Readable,
    /// Everybody may write: replace files, say.
    Writable,
}

/// Finds out what others may do with a folder.
///
/// # Errors
/// When the system refuses.
pub fn access(folder: &Path) -> io::Result<Access> {
    let mode = fs::metadata(folder)?.permissions().mode();
    Ok(match mode {
        mode if mode & 0o002 != 0 => Access::Writable,
        mode if mode & OTHERS != 0 => Access::Readable,
        _ => Access::Closed,
    })
}

/// Writes the names in the folder of a file to the disk: only then does a new name of it survive
/// a power cut.
///
/// # Errors
/// When the system refuses.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a file, if it is there.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Demands room for so many bytes on the disk of a file or folder.
///
/// # Errors
/// When there is less, or the system does not tell.
pub fn demand_room(path: &Path, bytes: u64) -> io::Result<()> {
    let disk = rustix::fs::statvfs(path)?;
    let room = disk.f_bavail.saturating_mul(disk.f_frsize);
    if room >= bytes {
        return Ok(());
    }
    let why = format!("{bytes} bytes of room are needed on the disk, and there are {room}");
    Err(io::Error::new(ErrorKind::StorageFull, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn files_are_made_private_and_become_so() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        make_file(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::write(&file, "kept").unwrap();
        for loose in [0o644, 0o666, 0o640, 0o604, 0o777] {
            set_mode(&file, loose);
            make_file(&file).unwrap();
            assert_eq!(mode(&file) & OTHERS, 0, "{loose:o}");
        }
        assert_eq!(fs::read(&file).unwrap(), b"kept");
        close(&folder.path().join("absent")).unwrap();
    }

    #[test]
    fn folders_are_made_private_and_become_so() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("one/two");
        make_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(inner.parent().unwrap()), 0o700);
        set_mode(&inner, 0o755);
        make_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        // One like /tmp stays open to all who use it.
        set_mode(&inner, 0o1777);
        make_folder(&inner).unwrap();
        assert_eq!(mode(&inner), 0o1777);
    }

    #[test]
    fn what_others_may_do_is_told() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, expected) in [
            (0o700, Access::Closed),
            (0o750, Access::Readable),
            (0o2770, Access::Readable),
            (0o755, Access::Readable),
            (0o777, Access::Writable),
            (0o703, Access::Writable),
            (0o1777, Access::Writable),
        ] {
            set_mode(folder.path(), mode);
            assert_eq!(access(folder.path()).unwrap(), expected, "{mode:o}");
        }
    }

    #[test]
    fn room_is_demanded() {
        let folder = tempfile::tempdir().unwrap();
        demand_room(folder.path(), 1).unwrap();
        let error = demand_room(folder.path(), u64::MAX).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn what_is_not_there_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        make_file(&file).unwrap();
        sync_folder_of(&file).unwrap();
        remove(&file).unwrap();
        remove(&file).unwrap();
        assert!(!file.exists());
    }
}
