//! Token buckets.
//!
//! [`bucket`] is the arithmetic: pure, in whole numbers, with the time passed in. [`Limiter`]
//! keeps buckets in this process, in bounded memory. [`Limits`] says which rate applies to whom.
//!
//! This crate knows no HTTP and no database: status codes and header names belong to
//! `paneld-guard`.

pub mod bucket;
mod limiter;
mod limits;

pub use bucket::Verdict;
pub use limiter::{BucketKey, Limiter};
pub use limits::Limits;
