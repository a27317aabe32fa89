//! For tests: what DuckDB reads in files that paneld wrote, and many events for it. It is a package of its own, so that
//! no other test needs DuckDB for it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use duckdb::Connection;
use serde_json::Value as Json;

/// The rows of a file in their order, as objects, and the types of its columns. `reader` is a
/// function of DuckDB such as `read_parquet`.
///
/// # Panics
/// When DuckDB cannot read it.
pub fn read(reader: &str, file: &Path) -> (Vec<Json>, Vec<(String, String)>) {
    let connection = Connection::open_in_memory().unwrap();
    let file = file.to_str().unwrap().replace('\'', "''");
    let from = format!("FROM {reader}('{file}') AS rows");
    let sql = format!("SELECT to_json(rows)::VARCHAR {from}");
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let rows = rows.map(|row| serde_json::from_str(&row.unwrap()).unwrap());
    let rows = rows.collect();
    let sql = format!("DESCRIBE SELECT * {from}");
    let mut statement = connection.prepare(&sql).unwrap();
    let columns = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    let columns = columns.unwrap().map(Result::unwrap).collect();
    (rows, columns)
}

/// Stores every event of an event store once more, so many times. No server may have it open.
///
/// # Panics
/// When DuckDB cannot do it.
pub fn repeat_events(store: &Path, times: u32) {
    let connection = Connection::open(store).unwrap();
    let sql = "INSERT INTO events SELECT events.* FROM events, range(?)";
    connection.execute(sql, [times]).unwrap();
}
