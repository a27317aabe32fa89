//! What is made of what callers track: the rules of `contract/track.md` §5 that need nothing but
//! the request and the time.

mod identity;
mod moment;
mod page;
mod properties;

pub use identity::{DeviceId, InvalidDeviceId, Salt, SessionId};
pub use moment::Moment;
pub use page::Page;
pub use properties::{PathStep, Problem, Properties, PropertiesSeed};
