//! Appending rows to a table.

use duckdb::{Connection, arrow::array::RecordBatch};

use crate::duckdb::fault::Fault;

/// How many rows are made ready at once: they exist three times until they are in the table.
pub(crate) const AT_ONCE: usize = 4_096;

/// Appends rows to a table. An appender tells of bad rows when it is flushed, or, dropped before
/// that, not at all.
pub(crate) fn append(connection: &Connection, table: &str, rows: RecordBatch) -> Result<(), Fault> {
    let schema = rows.schema();
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| &**field.name())
        .collect();
    let mut appender = connection.appender_with_columns(table, &names)?;
    appender.append_record_batch(rows)?;
    Ok(appender.flush()?)
}
