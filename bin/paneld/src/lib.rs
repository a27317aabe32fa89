//! The server, wired: configuration, start, shutdown, and the operator's commands.
//!
//! `main.rs` only calls [`cli::run`]. Tests start a [`Server`] in their own process, with a
//! clock they can set.

mod admin;
pub mod cli;
pub mod config;
mod data_dir;
mod first_start;
mod logging;
mod metrics;
mod server;

pub use server::{Chores, Server};
