//! What `paneld` talks about: organizations, projects, API clients, timeline references,
//! and the rules that make a text a valid name, origin or zone.
//!
//! Everything here is plain data and pure functions. This crate does no I/O, knows no
//! database, no HTTP and no JSON; time and randomness are passed in. Start at [`Project`] and
//! [`Client`]; [`InvalidValue`] is the one way in which a value can be wrong.

mod address;
pub mod bounds;
mod chain;
mod client;
mod clock;
mod event;
mod id;
mod limits;
mod organization;
mod origin;
mod page;
mod profile;
mod project;
mod reference;
mod slug;
mod text;
mod time_text;

pub use address::{AddressRange, parse_address};
pub use chain::ErrorChain;
pub use client::{
    Client, ClientChanges, ClientType, LONGEST_GRACE_SECONDS, NewClient, client_problems,
    keeps_usable_root,
};
pub use clock::{Clock, ManualClock, Timestamp};
pub use event::{
    Agent, BotVisit, Event, Place, PreviousView, Referrer, ReplayChunk, Sdk, Session, SessionSpan,
    Utm, View,
};
pub use id::{ClientId, OrganizationId, ProjectId, ProjectKey, ReferenceId};
pub use limits::{ClientRateLimits, LimitGroup, Rate, RateError};
pub use organization::{Organization, OrganizationChanges, Zone};
pub use origin::CorsEntry;
pub use page::{Page, PageRequest, Position};
pub use profile::{
    Complaint, Group, Identity, PeopleChange, Profile, ProfileChange, ProfileChangeKind,
    ProfileEdit, Sighting,
};
pub use project::{Filter, NewProject, Project, ProjectChanges, ProjectType, RetentionDays};
pub use reference::{NewReference, Reference, ReferenceChanges};
pub use text::{Description, Domain, EventName, InvalidValue, Name, ProfileId};
pub use time_text::{TimeText, parse_timestamp};
