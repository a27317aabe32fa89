//! The whole of paneld in a process of your own: mounted in your actix app, or on a port of its
//! own beside it.
//!
//! [`Server::builder`] takes values: there is no command line, no environment and no file of
//! settings. Nothing global is installed either, neither a logger nor a recorder of metrics: what
//! paneld says goes to [`tracing`] and [`metrics`](mod@::metrics), wherever you lead them.
//!
//! ```no_run
//! use actix_web::{App, HttpServer};
//! use paneld_server::{Prefix, Server};
//!
//! #[actix_web::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder().data_dir("analytics-data").build().await?;
//!     let analytics = server.mount(&"/analytics".parse::<Prefix>()?);
//!     HttpServer::new(move || App::new().configure(analytics.clone()))
//!         .bind("127.0.0.1:8080")?
//!         .run()
//!         .await?;
//!     server.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! Events are kept by DuckDB, whose library has to be found when you build and when you run;
//! `docs/embedding.md` in the repository says how, and how to do without.
//!
//! # Features
//!
//! Each API is one: `manage`, `track` (with Import), `insights` and `export`; and so is `console`,
//! the page that people look at. All are on by default. `manage` alone links no DuckDB. `bundled` compiles DuckDB from source.

#![cfg_attr(
    not(feature = "events"),
    allow(dead_code, reason = "what is told and kept for events alone")
)]

#[cfg(feature = "events")]
pub mod backup;
mod builder;
mod chores;
mod data_dir;
mod error;
#[cfg(feature = "events")]
mod event_settings;
#[cfg_attr(not(feature = "events"), path = "no_events.rs")]
mod events;
mod first_start;
mod listening;
mod metrics;
mod redirect;
mod repeat;
mod server;
mod services;
mod serving;
mod tls;

pub use self::metrics::describe as describe_metrics;
pub use builder::{Builder, Chores, Redis};
pub use data_dir::prepare as prepare_data_dir;
pub use error::{CannotGoOn, DataDirError, FirstCredentialsError, StartError};
pub use first_start::{FirstCredentials, local_url, sign_in_link};
pub use listening::ListeningServer;
pub use server::Server;
pub use tls::TlsError;

pub use paneld_auth::PlainSecret;
pub use paneld_domain::{AddressRange, ClientId, Clock, Limits, ManualClock, Name, Rate};
pub use paneld_guard::{PublicUrl, TrustedProxies, VisitorAddress};
pub use paneld_http::Prefix;
pub use paneld_ratelimit::RedisDown;
pub use paneld_redis::{KeyPrefix, RedisUrl};
pub use paneld_service::{Beside, CatalogUrl, Upkeep};
#[cfg(feature = "events")]
pub use paneld_service::{Compaction, EventsUrl, Live};
