//! The server as a process: its configuration, its log, and the operator's commands. What it
//! does is in `paneld-server`.
//!
//! `main.rs` only calls [`cli::run`]. Tests start a [`Server`] in their own process, with a
//! clock they can set.

mod admin;
mod backup;
pub mod cli;
pub mod config;
mod logging;
mod metrics;
mod print;
mod server;

pub use paneld_server::Chores;
pub use server::Server;
