//! What was counted before, so that it need not be counted again.
//!
//! Reports without filters are counted in parts of time, most of them days, and hardly any of
//! these change once they are over. A part is good until something is written that lies in its
//! time. Whoever counts looks at the clock before, and whoever writes moves it afterwards: so
//! what was counted while something was written never passes for newer than it is.

mod changes;
mod days;
mod parts;

use std::sync::Arc;

use paneld_analytics::Dimension;
use paneld_domain::ProjectKey;

use self::changes::Changes;
pub(crate) use self::{
    changes::Moment,
    days::Days,
    parts::{Part, Parts},
};
use crate::{
    StoreChange,
    duckdb::reports::{DimensionPart, MetricsPart, PagesPart},
};

/// Everything that was counted.
pub(crate) struct Counted {
    pub(crate) metrics: Parts<MetricsPart, ()>,
    pub(crate) dimensions: Parts<DimensionPart, Dimension>,
    pub(crate) pages: Parts<PagesPart, ()>,
    changes: Arc<Changes>,
}

impl Counted {
    pub(crate) fn new() -> Self {
        let changes = Arc::<Changes>::default();
        Self {
            metrics: Parts::new(&changes),
            dimensions: Parts::new(&changes),
            pages: Parts::new(&changes),
            changes,
        }
    }

    /// Notes that these changes were written, or may have been.
    pub(crate) fn note(&self, changes: &[(ProjectKey, StoreChange)]) {
        self.changes.note(changes);
    }

    /// Notes that everything may be something else now.
    pub(crate) fn note_everywhere(&self) {
        self.changes.note_everywhere();
    }
}
