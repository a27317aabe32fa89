//! Parts of time in which something was counted before.

use std::{hash::Hash, sync::Arc};

use paneld_analytics::Window;
use paneld_domain::{ProjectKey, Timestamp};
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};

use super::changes::{Changes, Moment};

/// So many bytes are remembered of each report.
const BYTES: u64 = 32 << 20;

/// About how many parts that is.
const PARTS: usize = 5_000;

/// What a part takes beside what is in it.
const OVERHEAD: u64 = 200;

/// What can be remembered of a part of time.
pub(crate) trait Part {
    /// How much memory it takes, about.
    fn bytes(&self) -> u64;
}

/// The parts of one report. `K` is what was asked for beside the project and the time.
pub(crate) struct Parts<T, K> {
    parts: Cache<Key<K>, Remembered<T>, ByBytes>,
    changes: Arc<Changes>,
}

impl<T: Part, K: Copy + Eq + Hash> Parts<T, K> {
    pub(super) fn new(changes: &Arc<Changes>) -> Self {
        // Shards would share the memory: few are here at once, and a part may be large.
        let options = OptionsBuilder::new()
            .shards(1)
            .estimated_items_capacity(PARTS)
            .weight_capacity(BYTES)
            .build();
        let parts = options.map_or_else(
            |_incomplete| Cache::with_weighter(PARTS, BYTES, ByBytes),
            |options| {
                let (hasher, lifecycle) =
                    (DefaultHashBuilder::default(), DefaultLifecycle::default());
                Cache::with_options(options, ByBytes, hasher, lifecycle)
            },
        );
        Self {
            parts,
            changes: Arc::clone(changes),
        }
    }

    /// The moment after all changes that are noted.
    pub(crate) fn now(&self) -> Moment {
        self.changes.now()
    }

    /// Whether something in a window has changed since then.
    pub(crate) fn has_changed(&self, since: Moment, project: ProjectKey, window: Window) -> bool {
        self.changes.has_any(since, project, window)
    }

    /// What was counted in a window, if that is still good.
    pub(crate) fn find(&self, project: ProjectKey, window: Window, what: K) -> Option<Arc<T>> {
        let found = self.parts.get(&(project, window.start, window.end, what))?;
        let has_changed = self.has_changed(found.as_of, project, window);
        (!has_changed).then_some(found.part)
    }

    /// Remembers what was counted in a window, by somebody who began at this moment or later.
    pub(crate) fn remember(
        &self,
        project: ProjectKey,
        window: Window,
        what: K,
        part: &Arc<T>,
        as_of: Moment,
    ) {
        let part = Arc::clone(part);
        let key = (project, window.start, window.end, what);
        self.parts.insert(key, Remembered { part, as_of });
    }
}

type Key<K> = (ProjectKey, Timestamp, Timestamp, K);

struct Remembered<T> {
    part: Arc<T>,
    as_of: Moment,
}

impl<T> Clone for Remembered<T> {
    fn clone(&self) -> Self {
        Self {
            part: Arc::clone(&self.part),
            as_of: self.as_of,
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl<T: Part, K> Weighter<Key<K>, Remembered<T>> for ByBytes {
    fn weight(&self, _key: &Key<K>, remembered: &Remembered<T>) -> u64 {
        OVERHEAD + remembered.part.bytes()
    }
}
