//! Writing the file anew, so that nothing is left in it of what was removed.
//!
//! What is deleted is overwritten at once, but for copies that SQLite made when it moved rows
//! between pages; and the log has pages as they were.

use diesel::{QueryableByName, sql_query, sql_types::Integer};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};

use super::{Connection, Store};
use crate::RepositoryError;

/// How often the log is emptied at most until it is: each time the readers are waited for, for as
/// long as a connection waits for a lock.
const TRIES: usize = 6;

/// So much of the disk is left to others: the spool, say.
const SPARE: u64 = 64 << 20;

impl Store {
    /// Writes the file anew, and empties its log. Nobody else writes meanwhile. It needs room for
    /// the file twice.
    pub(crate) async fn compact(&self) -> Result<(), RepositoryError> {
        let mut connection = self.writer().await?;
        let path = std::path::absolute(&self.file.path).map_err(RepositoryError::unavailable)?;
        let size = std::fs::metadata(&path).map_err(RepositoryError::unavailable)?;
        paneld_files::demand_room(&path, size.len() * 2 + SPARE)
            .map_err(RepositoryError::unavailable)?;
        let folder = path.parent().and_then(std::path::Path::to_str);
        let folder = folder
            .ok_or_else(|| RepositoryError::internal("the path of the catalog is not UTF-8"))?;
        // Where it is put together. The system's own folder for that may be small, or missing.
        let folder = folder.replace('\'', "''");
        let write_anew = format!("PRAGMA temp_store_directory = '{folder}'; VACUUM");
        connection.batch_execute(&write_anew).await?;
        for _ in 0..TRIES {
            if empty_log(&mut connection).await? {
                return Ok(());
            }
        }
        Err(RepositoryError::unavailable(
            "the log of the catalog is always being read",
        ))
    }
}

#[derive(QueryableByName)]
struct Checkpoint {
    #[diesel(sql_type = Integer)]
    busy: i32,
}

/// Moves everything from the log into the file. Says whether the log is empty now.
async fn empty_log(connection: &mut Connection) -> Result<bool, RepositoryError> {
    let checkpoint = sql_query("PRAGMA wal_checkpoint(TRUNCATE)");
    let checkpoint = checkpoint.get_result::<Checkpoint>(connection).await?;
    Ok(checkpoint.busy == 0)
}
