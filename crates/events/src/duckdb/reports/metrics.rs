//! Key figures: `docs/contract/insights.md` §7.1.

mod pages;
mod revenue;
mod sessions;

use duckdb::Connection;
use paneld_analytics::{MetricsMode, MetricsRequest, MetricsRows};

pub(crate) use self::sessions::MetricsPart;
use crate::{
    Scope,
    duckdb::{
        counted::Parts,
        fault::Fault,
        sql::{Conditions, Dialect},
    },
};

/// Counts in the whole window and in its buckets.
pub(super) fn count(
    connection: &Connection,
    known: &Parts<MetricsPart, ()>,
    scope: &Scope,
    request: &MetricsRequest,
) -> Result<MetricsRows, Fault> {
    let began = known.now();
    // All of one moment.
    let snapshot = connection.unchecked_transaction()?;
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: request.buckets().window(),
        filters: request.filters(),
    };
    match request.mode() {
        MetricsMode::Sessions => {
            sessions::count(&snapshot, known, began, &conditions, request.buckets())
        }
        MetricsMode::Pages => pages::count(&snapshot, &conditions, request),
    }
}
