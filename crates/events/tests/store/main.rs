//! What the event store promises, of each engine: of DuckDB in real files, or with
//! `PANELD_TEST_EVENTS=clickhouse` of ClickHouse. What is about one engine alone is in the module of
//! its name.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bounded;
mod clickhouse;
mod copies;
mod counted;
mod duckdb;
mod filters;
mod fixtures;
mod model;
mod opening;
mod order;
mod reading;
mod removing;
mod wide;
mod writing;
