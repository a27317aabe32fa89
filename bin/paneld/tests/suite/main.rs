//! The real server, spoken to over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backends;
mod difference;
mod install;
mod mutation;
mod shop;
mod support;

mod auth;
mod bodies;
mod clocks;
mod errors;
mod fuzz;
mod limits;
mod moments;
mod numbers;
mod old_files;
mod openapi;
mod questions;

mod addresses;
mod audit;
mod clients;
mod console;
mod console_page;
mod diagnostics;
mod erasure;
mod export;
mod fairness;
mod flood;
mod glance;
mod idempotency;
mod identity;
mod ignored;
mod imported;
mod insights_behaviour;
mod insights_figures;
mod insights_people;
mod networks;
mod organization;
mod pagination;
mod people_bounds;
mod projects;
mod reference;
mod references;
mod remains;
mod rotation;
mod servers;
mod sessions;
mod sharing;
mod stream;
mod tenants;
mod track;
mod track_auth;
mod track_input;
mod track_visits;
mod typed_clients;
mod usable_root;
mod validation;
mod wide_answers;
