//! The real server, and the real SDKs of the API: those of npm, in Node and in a browser, and
//! one of crates.io. A recorder between them shows every request that they send.
//!
//! What they need is installed, in versions that stand here, below cargo's target folder. Where
//! that cannot be done, these tests say so, and are skipped.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../suite/backends.rs"]
#[expect(dead_code, reason = "what the suite needs is more")]
mod backends;
#[path = "../suite/support.rs"]
#[expect(dead_code, reason = "what the suite needs is more")]
mod support;

#[path = "../suite/install.rs"]
mod install;
mod recorder;
mod shop;

mod browser;
mod node;
mod recordings;
mod rust;
