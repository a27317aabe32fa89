//! Who gets how much of what there is only so much of.
//!
//! A [`Pool`] is room that is shared: bytes, places, connections. [`Turns`] are for what only few
//! may do at once. Neither lets one holder keep another out. Threads that [give way](give_way)
//! leave the processors to others; [heavy work](spawn_heavy) is done on such threads.

mod heavy;
mod priority;
mod shares;
mod turns;

pub use heavy::spawn_heavy;
pub use priority::{Thread, give_way};
pub use shares::{Held, Pool, Share};
pub use turns::{Crowded, Turn, Turns};

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
