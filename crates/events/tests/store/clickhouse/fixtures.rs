//! Stores in ClickHouse whose server fails when it is told to.

use std::time::Duration;

use paneld_testing::EventsDatabase;

use crate::fixtures::Folder;

/// A folder for a store in ClickHouse; `None` where there is no ClickHouse, which it says.
pub(super) fn folder(tested: &str) -> Option<Folder> {
    let database = EventsDatabase::create_or_skip(tested)?;
    Some(Folder::with(Some(database)))
}

/// Has one statement fail, behind so many that do not. `false` where the server cannot, which it
/// says.
pub(super) fn order_fault_behind(database: &EventsDatabase, statements: usize, kind: &str) -> bool {
    let times = statements.to_string();
    let is_first = statements == 0;
    let others = [("seconds", "0"), ("times", times.as_str())];
    database.order_fault("none", &[])
        && (is_first || database.order_fault("delay", &others))
        && database.order_fault(kind, &[])
}

/// Has every statement fail from now on.
pub(super) fn order_faults(database: &EventsDatabase, kind: &str, rest: &[(&str, &str)]) -> bool {
    let rest = [&[("times", "0")], rest].concat();
    database.order_fault("none", &[]) && database.order_fault(kind, &rest)
}

/// Lets the time pass for which a server that failed is left alone.
pub(super) async fn leave_alone() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(1)).await;
    tokio::time::resume();
}
