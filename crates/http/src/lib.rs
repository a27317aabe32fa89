//! Routes, request and reply bodies, and the OpenAPI document.
//!
//! [`configure`] mounts everything on an actix app, at the root and under `/api`. A handler
//! does four things: take what came in, call one use case, turn the answer into a body, return
//! it. Bodies live beside their routes; domain types have no JSON of their own.
//!
//! This crate knows no database, and nothing of Diesel.

mod decode;
mod error;
mod export;
mod health;
mod ignored;
mod insights;
mod manage;
mod offload;
mod openapi;
mod pace;
mod path_id;
mod reply;
mod routes;
mod track;
mod welcome;
mod written;

pub use manage::{
    audit::AuditEntryBody,
    clients::{ClientBody, RotatedBody},
    organization::OrganizationBody,
    projects::ProjectBody,
};
pub use openapi::document;
pub use routes::{Endpoint, EventServices, Services, configure, endpoints};
