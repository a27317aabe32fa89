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
mod event;
mod id;
pub mod limit_group;
mod limits;
mod organization;
mod origin;
mod page;
mod problem;
mod profile;
mod project;
mod reference;
mod share;
mod slug;
mod text;
mod time_text;

pub use paneld_base::{
    CLOCK_LEEWAY, Clock, InvalidValue, LimitGroup, ManualClock, Rate, RateError, Timestamp,
    is_ahead,
};

pub use address::{AddressRange, parse_address};
pub use chain::ErrorChain;
pub use client::{
    Client, ClientChanges, ClientType, LONGEST_GRACE_SECONDS, NewClient, client_problems,
    keeps_usable_root,
};
pub use event::{
    Agent, BotVisit, Event, Place, PreviousView, Referrer, ReplayChunk, Sdk, Session, SessionSpan,
    Utm, View,
};
pub use id::{ClientId, OrganizationId, ProjectId, ProjectKey, ReferenceId, ShareLinkId};
pub use limits::{ClientRateLimits, Limits};
pub use organization::{Organization, OrganizationChanges, Zone};
pub use origin::CorsEntry;
pub use page::{Page, PageRequest, Position};
pub use problem::{PathStep, Problem};
pub use profile::{
    Complaint, Group, Identity, PeopleChange, Profile, ProfileChange, ProfileChangeKind,
    ProfileEdit, Sighting,
};
pub use project::{Filter, NewProject, Project, ProjectChanges, ProjectType, RetentionDays};
pub use reference::{NewReference, Reference, ReferenceChanges};
pub use share::{ShareLink, SharePassword};
pub use text::{Description, Domain, EventName, Name, ProfileId};
pub use time_text::{TimeText, parse_timestamp};

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
