//! Token buckets.
//!
//! [`bucket`] is the arithmetic: pure, in whole numbers, with the time passed in. [`Limiter`]
//! keeps buckets in this process, in bounded memory, or in Redis. [`Limits`] says which rate
//! applies to whom.
//!
//! This crate knows no HTTP and no database: status codes and header names belong to
//! `paneld-guard`.

pub mod bucket;
mod key;
mod limiter;
mod limits;
mod local;
mod shared;
mod waiting;

pub use bucket::Verdict;
pub use key::BucketKey;
pub use limiter::{Limiter, LimiterUnavailable, RedisDown};
pub use limits::Limits;
