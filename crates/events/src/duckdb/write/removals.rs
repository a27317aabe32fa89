//! What was removed, and may be left in the file.

use duckdb::Connection;
use paneld_domain::Timestamp;

use crate::{
    Removals,
    duckdb::{fault::Fault, sql::moment},
};

/// Counts one, in the transaction that removes something.
pub(crate) fn note(connection: &Connection) -> Result<(), Fault> {
    connection.execute("UPDATE removals SET made = made + 1", [])?;
    Ok(())
}

/// The removals of which something may be left in the file, if any; those that nobody asked for
/// before count from `now` on.
pub(crate) fn find(connection: &Connection, now: Timestamp) -> Result<Option<Removals>, Fault> {
    let sql = "SELECT made, made > compacted, epoch_ms(seen_at) FROM removals";
    let (made, is_left, seen_at) = connection.query_row(sql, [], |row| {
        Ok((
            row.get::<_, u64>(0)?,
            row.get::<_, bool>(1)?,
            row.get::<_, Option<i64>>(2)?,
        ))
    })?;
    if !is_left {
        return Ok(None);
    }
    let since = match seen_at.and_then(Timestamp::from_timestamp_millis) {
        Some(since) => since,
        None => {
            let sql = "UPDATE removals SET seen_at = ?::TIMESTAMP_MS";
            connection.execute(sql, [moment(now)])?;
            now
        }
    };
    Ok(Some(Removals { made, since }))
}
