//! What is told of one project, to all who watch it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};

use paneld_fairness::Held;
use paneld_ingest::{StoredEvent, StoredEvents};

use crate::{Subject, circle::Circle};

/// How often people are counted.
const COUNT_TIME: Duration = Duration::from_secs(5);
/// How many portions are kept for those who are behind.
const PORTIONS: usize = 4;
/// After how many beats somebody is lost who takes nothing.
const LOST_AFTER: u32 = 10;

/// Tells those who watch apart.
pub(super) type WatcherId = u64;

/// Events that were stored between two beats.
#[derive(Debug)]
pub struct Portion {
    /// How many there were before them.
    start: u64,
    stored: StoredEvents,
    written: OnceLock<Vec<u8>>,
}

impl Portion {
    /// The events, in the order in which they were stored; 20 at most.
    pub fn events(&self) -> &[StoredEvent] {
        &self.stored.events
    }

    /// How many there were with them, and with those that were too many.
    fn end(&self) -> u64 {
        self.start + self.stored.events.len() as u64 + self.stored.left_out
    }

    /// How they are sent: written for the first who takes them, and kept for the others.
    pub fn written(&self, write: impl FnOnce(&[StoredEvent]) -> Vec<u8>) -> &[u8] {
        self.written.get_or_init(|| write(self.events()))
    }
}

/// What somebody is told who watches a project.
#[derive(Debug)]
pub enum News {
    /// How many people are there now.
    Visitors(u64),
    /// Events that were stored.
    Events(Arc<Portion>),
    /// How many events were stored that it is not told of: there were too many, or it was too slow.
    Dropped(u64),
    /// That nothing happened.
    Nothing,
}

/// What is told of a project.
#[derive(Debug)]
pub(super) struct Channel {
    /// Of who watched first: the others are of the same organization.
    subject: Subject,
    watchers: HashMap<WatcherId, Watcher>,
    visitors: Option<u64>,
    counted_at: Duration,
    is_counting: bool,
    /// Whether something was stored since people were counted.
    is_moved: bool,
    /// The last ones.
    portions: VecDeque<Arc<Portion>>,
    /// How many events there were since somebody began to watch, also those that are in no portion.
    total: u64,
}

#[derive(Debug)]
struct Watcher {
    /// How many beats ago it took what there was.
    beats: u32,
    _place: Held<Circle>,
}

impl Channel {
    pub(super) fn new(subject: Subject) -> Self {
        Self {
            subject,
            watchers: HashMap::new(),
            visitors: None,
            counted_at: Duration::ZERO,
            is_counting: false,
            is_moved: false,
            portions: VecDeque::new(),
            total: 0,
        }
    }

    /// Lets somebody watch. Returns how many events were told before.
    pub(super) fn enter(&mut self, id: WatcherId, place: Held<Circle>) -> u64 {
        let watcher = Watcher {
            beats: 0,
            _place: place,
        };
        self.watchers.insert(id, watcher);
        self.total
    }

    pub(super) fn leave(&mut self, id: WatcherId) {
        self.watchers.remove(&id);
    }

    /// Whether nobody watches any more.
    pub(super) fn is_left(&self) -> bool {
        self.watchers.is_empty()
    }

    /// Takes the places away of those who took nothing for long. To be called once a beat.
    pub(super) fn drop_lost(&mut self) {
        self.watchers.retain(|_, watcher| {
            watcher.beats += 1;
            watcher.beats <= LOST_AFTER
        });
    }

    /// Adds what was stored since the last beat.
    pub(super) fn add(&mut self, stored: StoredEvents) {
        if stored.is_empty() {
            return;
        }
        self.is_moved = true;
        let portion = Portion {
            start: self.total,
            stored,
            written: OnceLock::new(),
        };
        self.total = portion.end();
        if self.portions.len() == PORTIONS {
            self.portions.pop_front();
        }
        self.portions.push_back(Arc::new(portion));
    }

    /// Whether people were counted within the last five seconds.
    pub(super) fn has_fresh_count(&self, now: Duration) -> bool {
        self.visitors.is_some() && now.saturating_sub(self.counted_at) < COUNT_TIME
    }

    /// For whom people are to be counted, if they are. Where nobody is and nothing comes, there is
    /// nobody later, either.
    pub(super) fn begin_count(&mut self, now: Duration) -> Option<Subject> {
        let is_still = self.visitors == Some(0) && !self.is_moved;
        if self.is_counting || is_still || self.has_fresh_count(now) {
            return None;
        }
        self.is_counting = true;
        self.is_moved = false;
        Some(self.subject.clone())
    }

    /// Notes how many people there are, unless that could not be found out.
    pub(super) fn note_count(&mut self, visitors: Option<u64>, now: Duration) {
        self.is_counting = false;
        self.counted_at = now;
        self.visitors = visitors.or(self.visitors);
    }

    /// What is new to somebody who was told this number of visitors, and who was told or missed so
    /// many events; both go on with it. `None` when its place is lost.
    pub(super) fn take(
        &mut self,
        id: WatcherId,
        told: &mut Option<u64>,
        counted: &mut u64,
    ) -> Option<News> {
        self.watchers.get_mut(&id)?.beats = 0;
        if self.visitors != *told
            && let Some(visitors) = self.visitors
        {
            *told = Some(visitors);
            return Some(News::Visitors(visitors));
        }
        let mut portions = self.portions.iter();
        let Some(portion) = portions.find(|portion| portion.end() > *counted) else {
            return Some(News::Nothing);
        };
        let events = portion.events().len() as u64;
        if *counted == portion.start && events > 0 {
            *counted += events;
            return Some(News::Events(Arc::clone(portion)));
        }
        // It is behind all that is kept, or these were too many at once.
        let next = if *counted < portion.start {
            portion.start
        } else {
            portion.end()
        };
        let dropped = next - *counted;
        *counted = next;
        Some(News::Dropped(dropped))
    }
}
