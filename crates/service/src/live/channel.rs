//! What is told of one project, to all who watch it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, OnceLock},
    time::Duration,
};

use paneld_fairness::Held;
use paneld_ingest::{StoredEvent, StoredEvents};

use crate::circle::Circle;

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
    /// Events that were stored since the last message.
    Events(Arc<Portion>),
    /// How many events were stored that it is not told of: there were too many, or it was too slow.
    Dropped(u64),
    /// Nothing happened since the last message.
    Nothing,
}

/// What is told of a project, which is asked about as `S`.
#[derive(Debug)]
pub(super) struct Channel<S> {
    /// Of who watched first: the others are of the same organization.
    subject: S,
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

impl<S: Clone> Channel<S> {
    pub(super) fn new(subject: S) -> Self {
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
    pub(super) fn begin_count(&mut self, now: Duration) -> Option<S> {
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

#[cfg(test)]
mod tests {
    use std::{iter, sync::Arc};

    use paneld_domain::Timestamp;
    use paneld_fairness::{Pool, Share};
    use uuid::Uuid;

    use super::*;

    /// A channel that somebody watches, and the pool of one place that it has.
    fn watched() -> (Channel<()>, Arc<Pool<Circle>>) {
        let (mut channel, pool) = (Channel::new(()), Pool::new(2));
        assert_eq!(channel.enter(1, place(&pool).unwrap()), 0);
        (channel, pool)
    }

    fn place(pool: &Arc<Pool<Circle>>) -> Option<Held<Circle>> {
        let client = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b".parse().unwrap();
        let mut place = pool.hold(vec![Share::new(Circle::Client(client), 1).at_most(1)]);
        place.take(1).then_some(place)
    }

    fn stored(events: usize, left_out: u64) -> StoredEvents {
        let event = || StoredEvent {
            id: Uuid::nil(),
            name: "signup".to_owned(),
            path: "/".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            country: String::new(),
        };
        let mut stored = StoredEvents::default();
        stored.events.extend(iter::repeat_with(event).take(events));
        stored.left_out = left_out;
        stored
    }

    /// What somebody is told who was told so many events, in short, until there is nothing.
    fn told(channel: &mut Channel<()>, counted: &mut u64) -> Vec<String> {
        let mut visitors = channel.visitors;
        let news = iter::from_fn(|| match channel.take(1, &mut visitors, counted)? {
            News::Events(portion) => Some(format!("{} events", portion.events().len())),
            News::Dropped(count) => Some(format!("{count} dropped")),
            News::Visitors(_) | News::Nothing => None,
        });
        news.collect()
    }

    #[test]
    fn who_takes_nothing_for_ten_beats_loses_its_place() {
        let (mut channel, pool) = watched();
        let (mut visitors, mut counted) = (None, 0);
        for _ in 0..3 {
            for _ in 0..LOST_AFTER {
                channel.drop_lost();
            }
            assert!(channel.take(1, &mut visitors, &mut counted).is_some());
        }
        for _ in 0..LOST_AFTER {
            channel.drop_lost();
        }
        assert!(place(&pool).is_none());
        channel.drop_lost();
        assert!(channel.is_left());
        assert!(place(&pool).is_some());
        assert!(channel.take(1, &mut visitors, &mut counted).is_none());
    }

    #[test]
    fn who_is_behind_is_told_how_many_events_it_missed() {
        let (mut channel, _pool) = watched();
        let mut counted = 0;
        channel.add(stored(3, 0));
        channel.add(stored(20, 5));
        assert_eq!(
            told(&mut channel, &mut counted),
            ["3 events", "20 events", "5 dropped"]
        );
        for _ in 0..PORTIONS + 2 {
            channel.add(stored(2, 1));
        }
        let all = [
            "6 dropped",
            "2 events",
            "1 dropped",
            "2 events",
            "1 dropped",
        ];
        let told_now = told(&mut channel, &mut counted);
        assert_eq!(told_now[..5], all);
        assert_eq!((told_now.len(), counted), (9, channel.total));
        assert_eq!(channel.portions.len(), PORTIONS);
        channel.add(stored(0, 0));
        assert_eq!(told(&mut channel, &mut counted), [""; 0]);
    }

    #[test]
    fn people_are_counted_every_five_seconds_while_anybody_may_be_there() {
        let (mut channel, _pool) = watched();
        let at = Duration::from_secs;
        assert!(channel.begin_count(at(0)).is_some());
        assert!(channel.begin_count(at(9)).is_none(), "it is being counted");
        channel.note_count(Some(2), at(9));
        assert!(channel.begin_count(at(13)).is_none());
        assert!(channel.begin_count(at(14)).is_some());
        // What cannot be found out stays as it was.
        channel.note_count(None, at(20));
        assert_eq!(channel.visitors, Some(2));
        assert!(channel.begin_count(at(25)).is_some());
        channel.note_count(Some(0), at(25));
        assert!(channel.begin_count(at(60)).is_none(), "nobody came since");
        channel.add(stored(1, 0));
        assert!(channel.begin_count(at(60)).is_some());
    }
}
