//! What is about ClickHouse alone, whatever engine is asked for.

mod away;
mod fixtures;
mod once;
mod versions;
