//! The way of an event: from the payload of a request to the spool, and from there to where it is
//! kept.
//!
//! [`Body`] and [`read`] turn the text of a request into [`Tracked`], tolerant of what real SDKs
//! send. [`Ingest`] finds out device and session, and writes to the spool: what it returns is on
//! disk. [`Appliers`] take it from there to the event store and the catalog. The rules are those
//! of `docs/contract/track.md`.
//!
//! Two rooms: `request` has what is pure, `pipeline` what keeps.
//!
//! This crate knows no HTTP, and no database but that of the spool.

mod pipeline;
mod request;

pub use pipeline::{
    appliers::Appliers,
    diagnostics::{Diagnostic, Noted, Outcome},
    duplicates::Fingerprint,
    ingest::{
        Arrived, DeviceState, Found, Ingest, IngestError, IngestSettings, NotDoneYet, SpoolSnapshot,
    },
    spool::{SpoolContents, SpoolError, renew_spool},
    watched::{StoredEvent, StoredEvents},
};
pub use request::{
    body::{Body, Envelope, NotJson, has_prototype},
    event_time::{Disbelief, EventTime},
    identity::{DeviceId, Ids, InvalidDeviceId, Salt, Salts, SessionId},
    import_rows::{ImportRows, MOST_ROWS, Visits},
    location::PageLocation,
    payload::{Form, event_name, is_email, is_picture, is_replay, read},
    properties::{Properties, PropertiesSeed},
    tracked::{Identified, Input, Recording, Tracked, TrackedEvent},
    visitor::{Target, Visitor},
};
