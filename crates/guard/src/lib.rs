//! The actix side of authentication and limits, for `paneld` and for other services.
//!
//! Wrap an app in [`Requests`], which gives every reply a request id and every error the one
//! envelope. Wrap a scope in a [`Gate`], which lets only authenticated callers within their
//! rate through. Let handlers take a [`Caller`], which proves that the policy was asked.
//!
//! ```
//! use std::sync::Arc;
//! use actix_web::{App, HttpResponse, web};
//! use paneld_auth::{Api, Authenticator, permission};
//! use paneld_guard::{Caller, Guard, Requests, TrustedProxies, VisitorAddress};
//! use paneld_ratelimit::{Limiter, Limits};
//!
//! async fn secret_page(caller: Caller<permission::Manage>) -> HttpResponse {
//!     HttpResponse::Ok().body(format!("Hello, {}", caller.0.client_id()))
//! }
//!
//! fn app(authenticator: Arc<Authenticator>, clock: paneld_domain::Clock) {
//!     let limiter = Arc::new(Limiter::new(clock.clone()));
//!     let proxies = TrustedProxies::loopback();
//!     let visitors = VisitorAddress::Any;
//!     let guard = Guard::new(authenticator, limiter, Limits::default(), proxies, visitors);
//!     App::new().wrap(Requests::new(clock)).service(
//!         web::scope("/private")
//!             .wrap(guard.gate(Api::Manage))
//!             .route("/page", web::get().to(secret_page)),
//!     );
//! }
//! ```
//!
//! Only this crate and `paneld-http` know status codes, header names and JSON field names.
//! It knows no database: a store of credentials comes in through
//! [`CredentialStore`](paneld_auth::CredentialStore).

mod body;
mod caller;
mod connections;
mod credentials;
mod error;
mod gate;
mod idempotency;
mod limit_headers;
mod measured;
mod network;
mod peer;
mod requests;
mod slashes;
mod slow_lane;
mod tracking;
mod visitors;

pub use body::{BodyBudget, BodySender, HeldBody, HeldBytes, read_body};
pub use caller::Caller;
pub use connections::{Connection, Connections};
pub use error::{ApiError, Detail, PathStep};
pub use gate::{Gate, Guard};
pub use idempotency::reply_seal;
pub use measured::{ROUTE_GROUPS, STATUSES};
pub use peer::TrustedProxies;
pub use requests::{RequestId, Requests};
pub use tracking::{AdmittedTracker, Refused, names_client, presents_secret};
pub use visitors::VisitorAddress;
