//! What is about DuckDB's file alone, whatever engine is asked for.

mod away;
mod compacting;
mod log;
mod migrating;
mod room;
mod streaming;
mod wide;
mod writing;
