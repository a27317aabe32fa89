//! Who calls, and what they may do.
//!
//! [`PlainSecret`] and [`SecretHash`] are the two forms of a secret. [`policy`] is the table of
//! who may call what. [`Authenticator`] turns an id and a secret into a [`Principal`], with a
//! short cache in front of a [`CredentialStore`]. [`Authorized`] is the proof that the policy
//! was asked: use cases demand one.
//!
//! This crate knows no HTTP and no database: replies are the business of `paneld-guard`, and
//! look-ups come in through [`CredentialStore`].

mod authenticator;
mod authorized;
mod credentials;
mod idempotency;
mod known;
pub mod policy;
mod secret;
mod stale;

pub use authenticator::{
    AuthError, Authenticator, Claim, NotChecked, Presented, Principal, Tracker,
};
pub use authorized::{Authorized, Denied, permission};
pub use credentials::{CredentialStore, Credentials, LookupFuture, StoreUnavailable, StoredSecret};
pub use idempotency::{IdempotencyKey, ReplySeal, RequestParts};
pub use known::{SlowCheck, SlowVerdict};
pub use policy::Api;
pub use secret::{PlainSecret, SecretHash};
pub use stale::Stale;
