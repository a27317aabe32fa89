//! The values of a dimension, with the sessions that have them.

use duckdb::Row;
use paneld_analytics::{Dimension, DimensionRequest};

use super::super::session_counts::{COUNTS, session_counts};
use crate::{CountedSessions, duckdb::sql::Sql};

/// `SELECT` and the columns that [`counted_sessions`] reads.
pub(super) fn values(request: &DimensionRequest) -> Sql {
    let column = |dimension: Dimension| format!("s.{}", dimension.name());
    let prefix = request.dimension.prefix();
    let prefix = prefix.map_or_else(|| "''".to_owned(), column);
    let name = column(request.dimension);
    Sql::new(&format!(
        "SELECT {prefix} AS prefix, {name} AS value, {COUNTS}"
    ))
}

/// Reads the columns of [`values`].
pub(super) fn counted_sessions(row: &Row<'_>) -> duckdb::Result<CountedSessions> {
    Ok(CountedSessions {
        prefix: row.get(0)?,
        name: row.get(1)?,
        counts: session_counts(row, 2)?,
    })
}
