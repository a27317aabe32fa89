//! Token buckets: limits by any key.
//!
//! [`Limiter`] keeps buckets in this process, in bounded memory, or with the feature `redis` in
//! Redis, where several processes share them. [`BucketKey`] says whose bucket it is, by id, text
//! or address; [`Rate`] how much it holds and how fast it fills up; [`Verdict`] what it says to a
//! request. [`bucket`] is the arithmetic: pure, in whole numbers, with the time passed in.
//!
//! This crate knows no HTTP: the middleware that limits requests, with status codes and headers,
//! is in `paneld-guard`.
//!
//! # Features
//!
//! - `redis` (off by default): `Limiter::shared`, whose buckets are in Redis.

pub mod bucket;
mod key;
mod limiter;
mod local;
#[cfg(feature = "redis")]
mod shared;
mod unavailable;
mod waiting;

pub use bucket::Verdict;
pub use key::BucketKey;
pub use limiter::Limiter;
pub use paneld_base::{Clock, LimitGroup, ManualClock, Rate, RateError};
#[cfg(feature = "redis")]
pub use paneld_redis::{KeyPrefix, Redis, RedisUrl};
#[cfg(feature = "redis")]
pub use shared::RedisDown;
pub use unavailable::LimiterUnavailable;

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
