//! Redis, for what several processes share: token buckets and the news of revocations.
//!
//! [`Redis`] is a connection that knows whether the server is there. The first failure counts
//! as being away: from then on nobody waits for it, until a task in the background has found it
//! again. [`Script`]s run on it, and a [`Bus`] carries messages between processes.
//!
//! One server, Sentinels and a Cluster ([`RedisUrl`]) look the same from outside. What to do
//! while Redis is away is for the callers to decide: this crate only says so, at once.
//!
//! The types of the `redis` library stay inside.

mod bus;
mod connection;
mod prefix;
mod script;
mod server;
mod url;

pub use bus::{Bus, BusEvent};
pub use prefix::KeyPrefix;
pub use script::Script;
pub use server::{Away, Redis, RedisState};
pub use url::RedisUrl;
