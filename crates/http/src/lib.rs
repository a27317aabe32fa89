//! Routes, request and reply bodies, and the OpenAPI document.
//!
//! [`configure`] mounts everything on an actix app, at the root and under `/api`. A handler
//! does four things: take what came in, call one use case, turn the answer into a body, return
//! it. Bodies live beside their routes; domain types have no JSON of their own.
//!
//! Each API is a feature: `manage`, `track` (with Import), `insights` and `export`; and so is
//! `console`, the page that people look at. All are on by default. What is not built in is neither routed nor in the document. `manage` alone needs no
//! DuckDB, no Arrow and no spool.
//!
//! This crate knows no database, and nothing of Diesel.

#![cfg_attr(
    not(all(
        feature = "console",
        feature = "export",
        feature = "insights",
        feature = "manage",
        feature = "track"
    )),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "what several APIs share, and those that are built in do not need"
    )
)]

#[cfg(feature = "console")]
mod console;
mod decode;
mod endpoint;
mod error;
#[cfg(feature = "export")]
mod export;
mod health;
mod ignored;
#[cfg(feature = "insights")]
mod insights;
#[cfg(feature = "manage")]
mod manage;
mod mount;
mod nested;
mod offload;
mod openapi;
mod pace;
mod path_id;
mod prefix;
mod reference;
mod reply;
mod routes;
#[cfg(all(feature = "console", feature = "insights"))]
mod sharing;
#[cfg(feature = "track")]
mod track;
mod welcome;
mod written;

pub use endpoint::Endpoint;
#[cfg(feature = "manage")]
pub use manage::{
    audit::AuditEntryBody,
    clients::{ClientBody, RotatedBody},
    organization::OrganizationBody,
    projects::ProjectBody,
};
#[cfg(feature = "events")]
pub use mount::EventServices;
pub use mount::{Services, configure};
pub use openapi::{Document, document};
pub use prefix::Prefix;
pub use routes::endpoints;
