//! What the files of a backup are called.

/// What the file of the event store is called in a backup.
pub const EVENTS: &str = "events.duckdb";
/// The same of the spool.
pub const SPOOL: &str = "spool.redb";
/// The same of the catalog.
pub const CATALOG: &str = "catalog.sqlite";
