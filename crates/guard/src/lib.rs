//! API clients with secrets, permissions and rate limits in front of your routes: the actix side of
//! `paneld`'s authentication and limits, for any service.
//!
//! Wrap an app in [`Requests`], which gives every reply a request id and every error the one
//! envelope. Wrap a scope in a [`Gate`], which lets only authenticated callers within their
//! rate through. Let handlers take a [`Caller`], which proves that the policy was asked.
//!
//! ```
//! use actix_web::{App, web};
//! use paneld_guard::{Access, Api, Caller, Clock, Guard, LimitGroup, MemoryCredentials, Permission, Rate, Requests};
//!
//! const BILLING: Api = Api::new("billing", Access::READERS);
//!
//! struct Billing;
//! impl Permission for Billing {
//!     const API: Api = BILLING;
//! }
//!
//! async fn invoices(caller: Caller<Billing>) -> String {
//!     format!("the invoices of {}", caller.0.organization_id())
//! }
//!
//! # fn main() -> Result<(), paneld_guard::GuardError> {
//! let clients = MemoryCredentials::default();
//! let guard = Guard::builder()
//!     .credentials(clients)
//!     .limit(BILLING.limit_group(), Rate::of(20, 10))
//!     .build()?;
//! App::new().wrap(Requests::new(Clock::system())).service(
//!     web::scope("/billing").wrap(guard.gate(BILLING)).route("/invoices", web::get().to(invoices)),
//! );
//! # Ok(())
//! # }
//! ```
//!
//! | You want | See |
//! | --- | --- |
//! | to say who your clients are | [`CredentialStore`], [`MemoryCredentials`] |
//! | APIs of your own, for clients that read, write or do all | [`Api`], [`Access`], [`Permission`] |
//! | limits without authentication, by any key | [`LimitBy`], [`BucketKey`] |
//! | names of headers, rates, proxies, a realm, sessions | [`GuardBuilder`] |
//! | errors like those of the gates | [`ApiError`] |
//! | bodies within limits of size, pace and memory | [`read_body`] |
//! | at most so many connections from each peer | [`Connections`] |
//!
//! What you need of `paneld`'s other crates is shown here again, so this dependency is enough.
//! This crate knows no database: a store of credentials comes in through [`CredentialStore`].
//!
//! # Features
//!
//! All are off by default.
//!
//! - `idempotency`: requests that are carried out at most once, by their `Idempotency-Key`.
//! - `redis`: buckets in Redis, which several processes share.
//! - `tracking`: what `paneld`'s own Track API needs.

mod body;
mod builder;
mod caller;
mod connections;
mod credentials;
mod error;
mod gate;
mod guard;
#[cfg(feature = "idempotency")]
mod idempotency;
mod limit_by;
mod limit_headers;
mod measured;
mod method;
mod network;
mod origin;
mod peer;
mod public_url;
mod rates;
mod readmission;
mod refusals;
mod request_id;
mod requests;
mod session_proof;
mod sessions;
mod slashes;
mod slow_lane;
#[cfg(feature = "tracking")]
mod tracking;
#[cfg(feature = "tracking")]
mod visitors;

pub use body::{BodyBudget, BodySender, HeldBody, HeldBytes, read_body};
pub use builder::{GuardBuilder, GuardError};
pub use caller::Caller;
pub use connections::{Connection, Connections};
pub use error::ApiError;
pub use gate::Gate;
pub use guard::Guard;
pub use limit_by::LimitBy;
pub use measured::{ROUTE_GROUPS, STATUSES};
pub use origin::Encrypted;
pub use paneld_auth::{
    Access, Api, Authenticator, Authorized, CredentialStore, Credentials, LookupFuture,
    MemoryCredentials, PlainSecret, Principal, ProjectAccess, ProjectChoice, ProjectDenied, Reach,
    SecretHash, Session, SessionFuture, SignedIn, Stale, StoreUnavailable, StoredSecret, Token,
    TokenHash, permission, permission::Permission,
};
pub use paneld_domain::{
    AddressRange, Client, ClientId, ClientType, Clock, InvalidValue, LimitGroup, ManualClock, Name,
    Organization, OrganizationId, PathStep, Problem, Project, ProjectId, Rate, Timestamp,
    limit_group,
};
pub use paneld_ratelimit::{BucketKey, Limiter, LimiterUnavailable, Verdict};
#[cfg(feature = "redis")]
pub use paneld_ratelimit::{KeyPrefix, Redis, RedisDown, RedisUrl};
pub use peer::TrustedProxies;
pub use public_url::PublicUrl;
pub use readmission::Readmission;
pub use request_id::RequestId;
pub use requests::Requests;
pub use sessions::AdmittedSession;
#[cfg(feature = "tracking")]
pub use tracking::{AdmittedTracker, Refused, TrackerHeaders};
#[cfg(feature = "tracking")]
pub use visitors::VisitorAddress;

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
