//! What headers tell of a visitor: address, browser and device, place, referrer, bot.
//!
//! Nothing here waits or knows of requests: texts come in, and what they mean goes out.

mod address;
mod agent;
mod bots;
mod database;
mod networks;
mod places;
mod referrer;
mod suspicion;

pub use address::{is_visitors, visitor_address};
pub use agent::{Agents, overridden};
pub use bots::{Bot, Bots};
pub use database::{Database, DatabaseError};
pub use networks::{Network, Networks};
pub use places::Places;
pub use referrer::resolve_referrer;
pub use suspicion::{Hints, suspicion, suspicion_properties};
