//! What a request says: from its text to what is tracked, and who sends it.
//!
//! Nothing here knows a clock, a disk or another request; [`super::pipeline`] does, and uses what
//! is here.

pub(crate) mod body;
pub(crate) mod bounded;
pub(crate) mod event_time;
pub(crate) mod identity;
pub(crate) mod import_rows;
pub(crate) mod location;
pub(crate) mod payload;
pub(crate) mod properties;
pub(crate) mod text;
pub(crate) mod tracked;
pub(crate) mod visitor;
