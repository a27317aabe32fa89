//! The open file and its connections.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{self, Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use duckdb::{Config, Connection};
use paneld_domain::ProjectKey;

use crate::{
    Cause,
    duckdb::{
        fault::Fault,
        schema, sql,
        write::{
            numbers::{self, Numbers},
            sessions::Sessions,
        },
    },
};

/// How much memory it may take once to write what a version left that had no bound of rows.
const MEMORY_OF_WIDE_ROWS: u64 = 2 << 30;

/// Where the file is, how much memory DuckDB may have, and where it puts what does not fit.
pub(crate) struct Place {
    path: PathBuf,
    temp_dir: PathBuf,
    /// In bytes.
    memory: u64,
    in_use: Arc<AtomicBool>,
}

impl Place {
    pub(crate) fn new(path: &Path, temp_dir: &Path, memory: u64) -> Self {
        Self {
            // What begins with a slash is a file to DuckDB, whatever else is in it.
            path: path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            temp_dir: temp_dir.to_owned(),
            memory,
            in_use: Arc::default(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The write-ahead log.
    pub(crate) fn log(&self) -> PathBuf {
        self.beside(".wal")
    }

    /// Where the file is written anew.
    pub(crate) fn new_file(&self) -> PathBuf {
        self.beside(".new")
    }

    /// All that there may be of the new file.
    fn new_files(&self) -> [PathBuf; 4] {
        [
            ".new",
            ".new.wal",
            ".new.wal.checkpoint",
            ".new.wal.recovery",
        ]
        .map(|suffix| self.beside(suffix))
    }

    /// Removes what there is of the new file.
    pub(crate) fn remove_new_files(&self) -> std::io::Result<()> {
        let mut files = self.new_files().into_iter();
        files.try_for_each(|file| paneld_files::remove(&file))
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        name.into()
    }

    /// Whether this process has the file open.
    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use.load(Ordering::Acquire)
    }

    /// How many bytes of what is written may stay in memory alone: the rest is for what is being
    /// written, and for questions.
    fn unwritten_bytes(&self) -> u64 {
        self.memory / 4
    }

    /// How much is in the write-ahead log.
    fn log_bytes(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |found| found.len())
    }

    /// The lock on the file keeps other processes away, but not this one: it must not open the
    /// file a second time while something still reads from a database that was given up.
    fn claim(&self) -> Result<Claim, Cause> {
        if self.in_use.swap(true, Ordering::AcqRel) {
            return Err("it is being closed".into());
        }
        Ok(Claim(Arc::clone(&self.in_use)))
    }
}

/// The right to have the file open.
struct Claim(Arc<AtomicBool>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Whoever writes.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) written: Written,
    /// How many bytes of what is written may stay in memory alone.
    pub(crate) unwritten_bytes: u64,
}

/// What is remembered of what was written: only as long as nothing is rolled back or removed.
pub(crate) struct Written {
    pub(crate) numbers: Numbers,
    pub(crate) sessions: Sessions,
}

impl Written {
    pub(crate) fn new() -> Self {
        Self {
            numbers: Numbers::new(),
            sessions: Sessions::new(),
        }
    }

    /// Notes that rows of a project were removed, and takes back the numbers that no row has any
    /// more.
    pub(crate) fn note_removed(
        &mut self,
        connection: &Connection,
        project: ProjectKey,
    ) -> Result<(), Fault> {
        *self = Self::new();
        numbers::take_back(connection, project)
    }
}

/// The open file.
pub(crate) struct Database {
    writer: Mutex<Writer>,
    /// Readers at rest.
    readers: Mutex<Vec<Connection>>,
    /// Only for making readers: the writer is busy.
    root: Mutex<Connection>,
    file: OpenFile,
    /// The last one to be dropped, when the file is closed.
    _claim: Claim,
}

impl Database {
    /// Opens the file, which is made if need be, and brings its tables up to date.
    pub(crate) fn open(place: &Place) -> Result<Self, Cause> {
        let claim = place.claim()?;
        paneld_files::make_folder(&place.temp_dir)?;
        make_private(place)?;
        if place.log_bytes() > place.unwritten_bytes() {
            write_log(place)?;
        }
        let mut root = open(place, place.memory).map_err(Fault::into_cause)?;
        make_private(place)?;
        remove_leftovers(&place.temp_dir)?;
        place.remove_new_files()?;
        schema::migrate(&mut root)?;
        let connection = root.try_clone()?;
        // Otherwise what is appended is copied once more, as for many threads that insert at once.
        connection.execute_batch("SET SESSION preserve_insertion_order = true")?;
        lock_down(&root, place)?;
        Ok(Self {
            writer: Mutex::new(Writer {
                connection,
                written: Written::new(),
                unwritten_bytes: place.unwritten_bytes(),
            }),
            readers: Mutex::default(),
            root: Mutex::new(root),
            file: OpenFile::of(&place.path)?,
            _claim: claim,
        })
    }

    /// The one that writes. A write that panicked may have left a transaction there, and
    /// who knows what else: then there is none.
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, Writer>, Cause> {
        self.writer
            .lock()
            .map_err(|_poisoned| "a write panicked".into())
    }

    /// A connection that reads.
    pub(crate) fn reader(&self) -> duckdb::Result<Connection> {
        let at_rest = lock(&self.readers).pop();
        at_rest.map_or_else(|| lock(&self.root).try_clone(), Ok)
    }

    /// Takes back a connection that [`Self::reader`] gave.
    pub(crate) fn give_back(&self, reader: Connection) {
        lock(&self.readers).push(reader);
    }

    /// Demands that the file is still the one that was opened. One that was removed or replaced
    /// can be written as before, and what is written is lost.
    pub(crate) fn demand_in_place(&self) -> Result<(), Cause> {
        if self.file.is_in_place() {
            Ok(())
        } else {
            Err("its file was removed or replaced: restart the server".into())
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens the file. The threads that DuckDB makes for all questions give way to those that ask: each
/// question goes on in a thread of its own, too.
fn open(place: &Place, memory: u64) -> Result<Connection, Fault> {
    let open = || {
        paneld_fairness::give_way();
        let config = config(place, memory).map_err(Fault::Store)?;
        Ok(Connection::open_with_flags(&place.path, config)?)
    };
    let opened = thread::scope(|scope| scope.spawn(open).join());
    opened.unwrap_or_else(|_panic| Err(Fault::Store("opening it panicked".into())))
}

/// Moves everything from the write-ahead log into the file, with as much memory as that takes.
fn write_log(place: &Place) -> Result<(), Cause> {
    let log = place.log_bytes();
    let write = |memory| {
        let connection = open(place, memory)?;
        Ok(connection.execute_batch("CHECKPOINT")?)
    };
    // What is in the log is in memory when it is read, all of it.
    let written = match write(place.memory + log) {
        // A version before wrote rows of any width.
        Err(Fault::Memory(_)) => write(MEMORY_OF_WIDE_ROWS + log),
        written => written,
    };
    written.map_err(Fault::into_cause)
}

/// Removes what queries left in the temporary folder that were running when the process was
/// killed. No query runs yet, and the lock on the file says that none does elsewhere.
fn remove_leftovers(temp_dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(temp_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b"duckdb_temp_") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Takes from others what they may do with the file and its log. DuckDB makes them with the modes
/// that the process gives to files.
fn make_private(place: &Place) -> std::io::Result<()> {
    paneld_files::close(&place.path)?;
    paneld_files::close(&place.log())
}

/// Lets no statement, whatever is in it, read or write files but those of the database, or change
/// that.
fn lock_down(connection: &Connection, place: &Place) -> duckdb::Result<()> {
    let allowed = place.new_files().map(|file| sql::literal(&file)).join(", ");
    connection.execute_batch(&format!(
        "SET GLOBAL allowed_paths = [{allowed}];
        SET GLOBAL enable_external_access = false;
        SET GLOBAL lock_configuration = true"
    ))
}

fn config(place: &Place, memory: u64) -> Result<Config, Cause> {
    let temp_dir = place
        .temp_dir
        .to_str()
        .ok_or("the path of its temporary folder is not UTF-8")?;
    let config = Config::default()
        // The automatic checkpoint is what costs most: with the default of 16 MB, loading takes
        // twice the time. Replaying this much after a crash takes two seconds.
        .with("wal_autocheckpoint", "128MB")?
        .with("memory_limit", format!("{memory}B"))?
        .with("temp_directory", temp_dir)?
        .threads(2)?
        // What its allocator has free goes back to the system within a second, also at rest.
        .with("allocator_background_threads", "true")?
        // Answers are ordered where order matters, and what is appended keeps its order anyway;
        // without this, large results are held in memory for nothing.
        .with("preserve_insertion_order", "false")?
        // Nothing is fetched from the network, whatever a query asks for.
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?;
    Ok(config)
}

/// Which file it is, whatever it is called later.
struct OpenFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl OpenFile {
    fn of(path: &Path) -> std::io::Result<Self> {
        let found = fs::metadata(path)?;
        Ok(Self {
            path: path.to_owned(),
            device: found.dev(),
            inode: found.ino(),
        })
    }

    fn is_in_place(&self) -> bool {
        fs::metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(connection: &Connection, sql: &str) -> String {
        let answer = connection.execute_batch(sql);
        answer.expect_err(sql).to_string()
    }

    #[test]
    fn no_statement_reaches_other_files_or_changes_that() {
        let folder = tempfile::tempdir().unwrap();
        // Whatever the folder is called.
        let data = folder.path().join("it's data");
        std::fs::create_dir(&data).unwrap();
        let outside = folder.path().join("outside");
        std::fs::write(&outside, "a,b").unwrap();
        let outside = outside.display();
        let place = Place::new(&data.join("events.duckdb"), &data.join("temp"), 128 << 20);
        let database = Database::open(&place).unwrap();
        let reader = database.reader().unwrap();
        let writer = database.writer().unwrap();
        for connection in [&reader, &writer.connection] {
            for sql in [
                format!("COPY events TO '{outside}.csv'"),
                format!("COPY events FROM '{outside}'"),
                format!("SELECT * FROM read_csv('{outside}')"),
                format!("SELECT * FROM read_text('{outside}')"),
                format!("SELECT * FROM '{outside}.parquet'"),
                format!("SELECT * FROM glob('{}/*')", folder.path().display()),
                format!("ATTACH '{outside}.duckdb'"),
                format!("EXPORT DATABASE '{outside}.folder'"),
                "SELECT * FROM 'https://elsewhere.example/a.parquet'".to_owned(),
                "INSTALL httpfs".to_owned(),
                "LOAD httpfs".to_owned(),
            ] {
                let said = refused(connection, &sql);
                assert!(
                    said.contains("disabled") || said.contains("Permission"),
                    "{sql}: {said}"
                );
            }
            for setting in [
                "enable_external_access = true",
                "lock_configuration = false",
                "allowed_directories = ['/']",
                "temp_directory = '/'",
                "autoload_known_extensions = true",
                "memory_limit = '9GB'",
            ] {
                for scope in ["GLOBAL", "SESSION"] {
                    let said = refused(connection, &format!("SET {scope} {setting}"));
                    assert!(!said.is_empty());
                }
            }
        }
        assert!(!folder.path().join("outside.csv").exists());
    }

    #[test]
    fn what_does_not_fit_into_memory_still_goes_to_the_temporary_folder() {
        let folder = tempfile::tempdir().unwrap();
        let temp = folder.path().join("temp");
        let place = Place::new(&folder.path().join("events.duckdb"), &temp, 128 << 20);
        let database = Database::open(&place).unwrap();
        let reader = database.reader().unwrap();
        reader
            .execute_batch(
                "CREATE TEMP TABLE big AS
                SELECT md5(range::VARCHAR) || md5((range + 1)::VARCHAR) AS text
                FROM range(3000000)",
            )
            .unwrap();
        let spilled = std::fs::read_dir(&temp).unwrap().count();
        assert!(spilled > 0, "it fits");
        let count = "SELECT count(*) FROM big";
        let count = reader.query_row(count, [], |row| row.get::<_, u64>(0));
        assert_eq!(count.unwrap(), 3_000_000);
    }
}
