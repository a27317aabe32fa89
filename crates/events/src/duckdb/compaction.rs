//! A copy of the database in a new file, in which nothing is left of what was removed.
//!
//! DuckDB marks rows as removed, and when it frees a block, its bytes stay in the file until
//! something else comes there.

use std::{fs::File, path::Path};

use duckdb::Connection;

use crate::duckdb::{database::Place, fault::Fault, interrupt::Running, sql, write::apply};

/// What the new database is called while it is made.
const NEW: &str = "compacted";

/// So much of the disk is left to others: the spool, say.
const SPARE: u64 = 64 << 20;

/// Copies everything to the new file, row by row in the same order, and notes there that nothing
/// is left of so many removals. It is on disk when this returns; after an error nothing is left
/// of it, and the database goes on as it was.
pub(crate) fn copy(
    connection: &Connection,
    place: &Place,
    removals: u64,
    running: Running,
) -> Result<(), Fault> {
    let new = place.new_file();
    let copied = prepare(connection, place).and_then(|()| try_copy(connection, &new, removals));
    // From here on, nothing is interrupted.
    drop(running);
    copied.map_err(|fault| {
        // It may not have been attached.
        let _ = connection.execute_batch(&format!("DETACH {NEW}"));
        // What cannot be removed now is before the next try.
        let _ = place.remove_new_files();
        // The database is not to blame for what happens to the new file.
        Fault::Data(fault.into_cause())
    })
}

fn prepare(connection: &Connection, place: &Place) -> Result<(), Fault> {
    // What is in the log only would take memory.
    apply::checkpoint(connection)?;
    let size = std::fs::metadata(place.path()).map_err(of_file)?.len();
    paneld_files::demand_room(place.path(), size + SPARE).map_err(of_file)?;
    place.remove_new_files().map_err(of_file)
}

fn try_copy(connection: &Connection, new: &Path, removals: u64) -> Result<(), Fault> {
    let old = connection.query_row("SELECT current_database()", [], |row| {
        row.get::<_, String>(0)
    })?;
    let (path, old) = (sql::literal(new), sql::name(&old));
    connection.execute_batch(&format!(
        "ATTACH {path} AS {NEW}; COPY FROM DATABASE {old} TO {NEW}"
    ))?;
    let update = format!("UPDATE {NEW}.removals SET compacted = ?, seen_at = NULL");
    connection.execute(&update, [removals])?;
    demand_same(connection, &old)?;
    connection.execute_batch(&format!("CHECKPOINT {NEW}; DETACH {NEW}"))?;
    paneld_files::close(new).map_err(of_file)?;
    let written = File::open(new).and_then(|file| file.sync_all());
    written.map_err(of_file)
}

/// A COMMIT after an error says that all is well.
fn demand_same(connection: &Connection, old: &str) -> Result<(), Fault> {
    let tables = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()";
    let mut tables = connection.prepare(tables)?;
    let tables = tables.query_map([], |row| row.get::<_, String>(0))?;
    for table in tables {
        let table = sql::name(&table?);
        let same = format!(
            "SELECT (SELECT count(*) FROM {old}.{table}) = (SELECT count(*) FROM {NEW}.{table})"
        );
        if !connection.query_row(&same, [], |row| row.get::<_, bool>(0))? {
            return Err(Fault::Data(format!("{table} was not copied").into()));
        }
    }
    Ok(())
}

fn of_file(error: std::io::Error) -> Fault {
    Fault::Data(error.into())
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::symlink, process::Command};

    use super::*;
    use crate::duckdb::database::Database;

    const MIB: u64 = 1 << 20;

    /// Unmounted when dropped.
    struct SmallDisk<'a>(&'a Path);

    impl Drop for SmallDisk<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }

    #[test]
    #[expect(
        clippy::print_stderr,
        reason = "whoever runs it must see what was not tested"
    )]
    fn a_disk_that_becomes_full_leaves_the_database_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("disk");
        std::fs::create_dir(&disk).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]);
        if !mount
            .arg(&disk)
            .status()
            .is_ok_and(|status| status.success())
        {
            eprintln!("SKIPPED: A FULL DISK IS NOT TESTED, for only root can mount a small one");
            return;
        }
        let _mounted = SmallDisk(&disk);
        let place = Place::new(
            &folder.path().join("events.duckdb"),
            &folder.path().join("temp"),
            128 * MIB,
        );
        let database = Database::open(&place).unwrap();
        let writer = database.writer().unwrap();
        let connection = &writer.connection;
        let fill = "INSERT INTO visitors SELECT 1, uuid(), range FROM range(300000)";
        connection.execute_batch(fill).unwrap();
        symlink(disk.join("new"), place.new_file()).unwrap();
        assert!(try_copy(connection, &place.new_file(), 1).is_err());

        let _ = connection.execute_batch(&format!("DETACH {NEW}"));
        place.remove_new_files().unwrap();
        connection.execute_batch(fill).unwrap();
        prepare(connection, &place).unwrap();
        try_copy(connection, &place.new_file(), 1).unwrap();
        let count = "SELECT count(*) FROM visitors";
        let count = connection.query_row(count, [], |row| row.get::<_, u64>(0));
        assert_eq!(count.unwrap(), 600_000);
    }
}
