//! The engine for events that have outgrown one machine: a ClickHouse database, over HTTP.
//!
//! ClickHouse has no transaction over rows and a position. Rows of people, sessions, bots and
//! recordings replace those of the same key, so that writing them twice does no harm. Events are
//! written once ([`write`]): a [`journal`] beside the spool says which batch is being written, and
//! a batch that may have been sent before is looked for in the database first.
//!
//! Questions are asked in turns ([`answers`]), bounded in time and memory by the server, and given
//! up there when nobody waits for the answer any more.

mod answers;
mod client;
mod export;
mod fault;
mod insert;
mod journal;
mod lists;
mod people;
mod read;
mod reports;
mod rows;
mod schema;
mod sql;
mod store;
mod write;
mod writer;

pub(crate) use self::{export::EventStream, store::ClickHouseStore, write::ClickHouseCopies};
