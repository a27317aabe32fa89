//! The way of an event: from the payload of a request to the spool, and from there to where it is
//! kept.
//!
//! [`Body`] and [`read`] turn the text of a request into [`Tracked`], tolerant of what real SDKs
//! send. [`Ingest`] finds out device and session, and writes to the spool: what it returns is on
//! disk. [`Appliers`] take it from there to the event store and the catalog. The rules are those
//! of `docs/contract/track.md`.
//!
//! This crate knows no HTTP, and no database but that of the spool.

mod appliers;
mod body;
mod bounded;
mod diagnostics;
mod duplicates;
mod identity;
mod import;
mod ingest;
mod moment;
mod page;
mod payload;
mod progress;
mod properties;
mod record;
mod removals;
mod sessions;
mod spool;
mod text;
mod visitor;

pub use appliers::Appliers;
pub use body::{Body, Envelope, NotJson, has_prototype};
pub use diagnostics::{Diagnostic, Noted, Outcome};
pub use duplicates::Fingerprint;
pub use identity::{DeviceId, InvalidDeviceId, Salt, SessionId};
pub use import::{MOST_ROWS, Rows, Visits};
pub use ingest::{
    Arrived, DeviceState, Found, Ids, Ingest, IngestError, IngestSettings, NotDoneYet, Salts,
};
pub use moment::{Disbelief, Moment};
pub use page::Page;
pub use payload::{
    Form, Identified, Input, Recording, Tracked, TrackedEvent, event_name, is_email, is_picture,
    is_replay, read,
};
pub use properties::{PathStep, Problem, Properties, PropertiesSeed};
pub use spool::SpoolError;
pub use visitor::{Target, Visitor};
