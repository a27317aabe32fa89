//! What a use case may demand of its caller. Each permission is a type, so that a proof of one
//! cannot be handed to a use case that asks for another.
//!
//! ```
//! use paneld_auth::{permission::Permission, policy::{Access, Api}};
//!
//! /// Leave to see invoices.
//! #[derive(Debug)]
//! struct Billing;
//!
//! impl Permission for Billing {
//!     const API: Api = Api::new("billing", Access::READERS);
//! }
//! ```

use crate::policy::Api;

/// Leave to call one API.
pub trait Permission {
    /// The API it is for.
    const API: Api;
}

/// Leave to manage the organization.
#[derive(Debug)]
pub struct Manage;

impl Permission for Manage {
    const API: Api = Api::MANAGE;
}

/// Leave to ask who one is.
#[derive(Debug)]
pub struct Identity;

impl Permission for Identity {
    const API: Api = Api::IDENTITY;
}

/// Leave to send events as they happen.
#[derive(Debug)]
pub struct Track;

impl Permission for Track {
    const API: Api = Api::TRACK;
}

/// Leave to send events of the past.
#[derive(Debug)]
pub struct Import;

impl Permission for Import {
    const API: Api = Api::IMPORT;
}

/// Leave to ask for raw events and charts.
#[derive(Debug)]
pub struct Export;

impl Permission for Export {
    const API: Api = Api::EXPORT;
}

/// Leave to ask for the reports of the overview.
#[derive(Debug)]
pub struct Overview;

impl Permission for Overview {
    const API: Api = Api::OVERVIEW;
}

/// Leave to make share links.
#[derive(Debug)]
pub struct Sharing;

impl Permission for Sharing {
    const API: Api = Api::SHARING;
}

/// Leave to look at the console.
#[derive(Debug)]
pub struct Console;

impl Permission for Console {
    const API: Api = Api::CONSOLE;
}

/// Leave to ask for reports.
#[derive(Debug)]
pub struct Insights;

impl Permission for Insights {
    const API: Api = Api::INSIGHTS;
}
