//! What a request says: from its text to what is tracked, and who sends it.
//!
//! Nothing here knows a clock, a disk or another request; [`super::pipeline`] does, and uses what
//! is here.

pub(crate) mod body;
pub(crate) mod bounded;
pub(crate) mod identity;
pub(crate) mod moment;
pub(crate) mod page;
pub(crate) mod payload;
pub(crate) mod properties;
pub(crate) mod rows;
pub(crate) mod text;
pub(crate) mod tracked;
pub(crate) mod visitor;
