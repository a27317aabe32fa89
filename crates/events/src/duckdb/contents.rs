//! What is in a file: how much of what, and up to which position in the spool.

use std::{collections::BTreeMap, path::Path};

use duckdb::{AccessMode, Config, Connection};

use super::{fault::Fault, schema, sql, write::apply};
use crate::EventsError;

/// What is in the file of an event store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreContents {
    /// The version of its tables.
    pub version: u64,
    /// The position in the spool up to which everything was applied.
    pub position: u64,
    /// How many rows each table has.
    pub rows: BTreeMap<String, u64>,
}

impl StoreContents {
    /// Reads a file that nobody has open, all of it, so that damaged blocks are found. It blocks,
    /// and changes nothing.
    ///
    /// # Errors
    /// When there is none, when another process has it open, when it is damaged, or when its
    /// tables are those of a newer program.
    pub fn of_file(path: &Path) -> Result<Self, EventsError> {
        let read = || {
            let config = Config::default()
                .access_mode(AccessMode::ReadOnly)?
                .with("autoinstall_known_extensions", "false")?
                .with("autoload_known_extensions", "false")?
                .threads(2)?;
            let connection = Connection::open_with_flags(path, config)?;
            schema::demand_known(&connection).map_err(Fault::Store)?;
            for table in tables(&connection)? {
                // The hash of rows takes all of their values.
                let table = sql::name(&table);
                let all = format!("SELECT coalesce(bit_xor(hash(t)), 0) FROM {table} t");
                connection.query_row(&all, [], |row| row.get::<_, u64>(0))?;
            }
            find(&connection)
        };
        read().map_err(|fault: Fault| EventsError::Away(fault.into_cause()))
    }
}

/// What is in the open file, without reading its rows.
pub(crate) fn find(connection: &Connection) -> Result<StoreContents, Fault> {
    let mut rows = BTreeMap::new();
    for table in tables(connection)? {
        let count = format!("SELECT count(*) FROM {}", sql::name(&table));
        rows.insert(table, connection.query_row(&count, [], |row| row.get(0))?);
    }
    Ok(StoreContents {
        version: schema::version(connection)?,
        position: apply::position(connection)?,
        rows,
    })
}

fn tables(connection: &Connection) -> Result<Vec<String>, Fault> {
    let tables = "SELECT table_name FROM duckdb_tables()
        WHERE database_name = current_database() ORDER BY table_name";
    let mut tables = connection.prepare(tables)?;
    let names = tables.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}
