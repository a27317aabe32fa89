//! What every other crate of paneld stands on: where the time comes from, how often something may
//! be done, and why a value is refused.
//!
//! [`Clock`] is the system's time, or a [`ManualClock`] that tests move. [`Rate`] is a limit and a
//! window, [`LimitGroup`] the name of what is limited. [`InvalidValue`] says what is wrong with a
//! value, in words that go on from the name of its field.
//!
//! This crate does no I/O. `paneld-domain` shows all of it again, so only crates that do without
//! the domain name this one.

mod clock;
mod group;
mod invalid;
mod rate;

pub use clock::{CLOCK_LEEWAY, Clock, ManualClock, Timestamp, is_ahead};
pub use group::LimitGroup;
pub use invalid::InvalidValue;
pub use rate::{Rate, RateError};

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
