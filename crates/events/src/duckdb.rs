//! The engine that keeps everything in one file of DuckDB, inside this process.
//!
//! One writes, and a few read; each reader sees what was committed when it began. Nothing else in
//! the workspace knows DuckDB.

mod answering;
mod answers;
mod compaction;
mod contents;
mod counted;
mod database;
mod decode;
mod export;
mod fault;
mod interrupt;
mod overflow;
mod own_thread;
mod parts;
mod read;
mod reports;
mod schema;
mod sql;
mod store;
mod write;

/// The Arrow that the library of DuckDB comes with.
pub use ::duckdb::arrow;

pub use self::{contents::StoreContents, store::StillFile};
pub(crate) use self::{parts::Parts, store::DuckDbStore};
