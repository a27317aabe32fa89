//! What becomes of what is tracked: which session it belongs to, the spool that keeps it, and the
//! appliers that take it from there to where it is kept.

pub(crate) mod appliers;
pub(crate) mod diagnostics;
pub(crate) mod duplicates;
pub(crate) mod import;
pub(crate) mod ingest;
pub(crate) mod progress;
pub(crate) mod record;
pub(crate) mod removals;
pub(crate) mod sessions;
pub(crate) mod spool;
pub(crate) mod to_the_end;
pub(crate) mod watched;
