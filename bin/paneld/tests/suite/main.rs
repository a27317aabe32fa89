//! The real server, spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backends;
mod support;

mod auth;
mod errors;
mod limits;
mod openapi;

mod audit;
mod clients;
mod export;
mod idempotency;
mod identity;
mod imported;
mod insights_figures;
mod organization;
mod pagination;
mod projects;
mod references;
mod rotation;
mod tenants;
mod track;
mod usable_root;
mod validation;
