//! What headers tell of a visitor: address, browser and device, place, referrer, bot.
//!
//! Nothing here waits or knows of requests: texts come in, and what they mean goes out.

mod address;
mod agent;
mod bots;
mod places;
mod referrer;
mod suspicion;

pub use address::{is_visitors, visitor_address};
pub use agent::{Agents, overridden};
pub use bots::{Bot, Bots};
pub use places::{Places, PlacesError};
pub use referrer::resolve_referrer;
pub use suspicion::{Hints, suspicion, suspicion_properties};
