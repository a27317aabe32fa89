//! Who calls, and what they may do: API clients of `paneld`, and of any other service.
//!
//! - Secrets: [`PlainSecret`] and [`SecretHash`] are the two forms of one. The hash is all that is
//!   ever stored.
//! - Permissions: an [`Api`] says how far each type of client reaches in it, and [`policy`] decides.
//! - Authentication: an [`Authenticator`] turns an id and a secret into a [`Principal`], with a
//!   short cache in front of a [`CredentialStore`]. [`MemoryCredentials`] is a small one.
//! - Proofs: [`Authorized`] says that the policy let a principal call an API, and [`ProjectAccess`]
//!   that it let it do so for a project. Use cases demand them; nothing but the policy makes them.
//!
//! This crate does no I/O and knows neither HTTP nor a database: replies are the business of
//! `paneld-guard`, and look-ups come in through [`CredentialStore`].
//!
//! # Features
//!
//! All are off by default.
//!
//! - `idempotency`: `ReplySeal`, for replies that are kept for an `Idempotency-Key`.
//! - `passwords`: hashes of passwords that people choose, which are Argon2id's.
//! - `imported`: hashes of the public OpenPanel server, which are scrypt's.
//! - `strength`: `PlainSecret::is_strong`, for secrets that people chose.

mod authenticator;
mod authorized;
mod credentials;
#[cfg(feature = "idempotency")]
mod idempotency;
#[cfg_attr(not(feature = "imported"), path = "not_imported.rs")]
mod imported;
mod known;
mod lookup_cache;
mod memory;
mod not_checked;
#[cfg_attr(not(feature = "passwords"), path = "no_passwords.rs")]
mod password;
pub mod permission;
pub mod policy;
mod principal;
mod project;
mod secret;
mod session;
mod share;
mod stale;
mod token;
mod viewer;

pub use authenticator::{AuthError, Authenticator, Tracker, people::SignedIn};
pub use authorized::{Authorized, Denied};
pub use credentials::{
    CredentialStore, Credentials, LookupFuture, SessionFuture, StoreUnavailable, StoredSecret,
};
#[cfg(feature = "idempotency")]
pub use idempotency::{IdempotencyKey, ReplySeal, RequestParts};
pub use known::{SlowCheck, SlowVerdict};
pub use memory::MemoryCredentials;
pub use not_checked::NotChecked;
pub use policy::{Access, Api, Reach};
pub use principal::{Claim, Presented, Principal};
pub use project::{NamedProject, ProjectAccess, ProjectChoice, ProjectDenied};
pub use secret::{PlainSecret, SecretHash};
pub use session::{Session, StoredSession};
pub use share::Share;
pub use stale::Stale;
pub use token::{Token, TokenHash};

/// The lines of the README run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
