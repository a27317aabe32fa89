//! Events of projects that somebody watches, as they are stored.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use paneld_domain::{Event, ProjectKey, Timestamp};
use uuid::Uuid;

use crate::pipeline::{record::Change, sessions::Live, spool::Spooled};

/// How many events of a project wait to be taken.
const MOST: usize = 20;
/// How many bytes of names and paths they have together.
const MOST_BYTES: usize = 4 * 1024;
/// How many bytes are told of a name or a path.
const LONGEST: usize = 256;

/// An event that was stored, as far as whoever watches is told.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// The id that exports have of it.
    pub id: Uuid,
    /// What happened; 256 bytes of it.
    pub name: String,
    /// The path of the page, or the name of the screen; 256 bytes of it.
    pub path: String,
    /// When it happened, as the tracker told or as it arrived.
    pub created_at: Timestamp,
    /// The code of the country, if it is known.
    pub country: String,
}

/// What was stored of a project since it was taken the last time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredEvents {
    /// In the order in which they were stored: 20 at most.
    pub events: Vec<StoredEvent>,
    /// How many more there were.
    pub left_out: u64,
    bytes: usize,
}

impl StoredEvents {
    /// Whether nothing was stored.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.left_out == 0
    }

    fn add(&mut self, event: StoredEvent) {
        let bytes = self.bytes + event.name.len() + event.path.len();
        if self.events.len() < MOST && bytes <= MOST_BYTES {
            self.bytes = bytes;
            self.events.push(event);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds an event as it is told. It is only made where there is room: a batch has thousands.
    fn note(&mut self, event: &Event, told: impl FnOnce(&Event) -> StoredEvent) {
        // What is imported happened long ago.
        if event.imported_at.is_some() {
            return;
        }
        if self.events.len() < MOST {
            self.add(told(event));
        } else {
            self.left_out += 1;
        }
    }
}

impl StoredEvent {
    fn of(event: &Event) -> Self {
        let beginning = |text: &str| text[..text.floor_char_boundary(LONGEST)].to_owned();
        Self {
            id: event.id,
            name: beginning(&event.name),
            path: beginning(&event.path),
            created_at: event.created_at,
            country: beginning(&event.place.country),
        }
    }
}

/// Which projects are watched, and what was stored of them.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// How many there are. While there are none, it is all that appliers look at.
    count: AtomicUsize,
    projects: Mutex<HashMap<ProjectKey, StoredEvents>>,
}

impl Watched {
    pub(crate) fn begin(&self, project: ProjectKey) {
        let mut projects = self.lock();
        projects.entry(project).or_default();
        self.count.store(projects.len(), Ordering::Relaxed);
    }

    pub(crate) fn end(&self, project: ProjectKey) {
        let mut projects = self.lock();
        projects.remove(&project);
        self.count.store(projects.len(), Ordering::Relaxed);
    }

    pub(crate) fn take(&self, project: ProjectKey) -> StoredEvents {
        let mut projects = self.lock();
        projects
            .get_mut(&project)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The events of records that are to be stored, of projects that are watched.
    pub(crate) fn events_of(&self, records: &[Spooled]) -> HashMap<ProjectKey, StoredEvents> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return HashMap::new();
        }
        let mut found = self
            .lock()
            .keys()
            .map(|project| (*project, StoredEvents::default()))
            .collect::<HashMap<_, _>>();
        for Spooled { record, .. } in records {
            let Some(events) = found.get_mut(&record.project()) else {
                continue;
            };
            for change in &record.changes {
                match change {
                    Change::Event(event) | Change::View(event, _) => {
                        events.note(event, StoredEvent::of);
                    }
                    Change::Opening(event, _) => {
                        events.note(event, |event| StoredEvent::of(&Live::start(event)));
                        events.note(event, StoredEvent::of);
                    }
                    _ => {}
                }
            }
        }
        found.retain(|_, events| !events.is_empty());
        found
    }

    /// Keeps events that are stored now for whoever takes them.
    pub(crate) fn add(&self, stored: HashMap<ProjectKey, StoredEvents>) {
        if stored.is_empty() {
            return;
        }
        let mut projects = self.lock();
        for (
            project,
            StoredEvents {
                events, left_out, ..
            },
        ) in stored
        {
            if let Some(kept) = projects.get_mut(&project) {
                events.into_iter().for_each(|event| kept.add(event));
                kept.left_out += left_out;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ProjectKey, StoredEvents>> {
        // Whole events alone: no panic leaves one half written.
        self.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> StoredEvent {
        StoredEvent {
            id: Uuid::nil(),
            name: text.to_owned(),
            path: text.to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            country: String::new(),
        }
    }

    fn of(project: ProjectKey, events: Vec<StoredEvent>) -> HashMap<ProjectKey, StoredEvents> {
        let mut stored = StoredEvents::default();
        events.into_iter().for_each(|event| stored.add(event));
        HashMap::from([(project, stored)])
    }

    #[test]
    fn only_what_is_watched_is_kept_and_only_so_much_of_it() {
        let (watched, [shop, blog]) = (Watched::default(), [1, 2].map(ProjectKey));
        watched.add(of(shop, vec![event("before")]));
        watched.begin(shop);
        assert_eq!(watched.take(shop), StoredEvents::default());
        for _ in 0..MOST {
            watched.add(of(shop, vec![event("a"), event("b")]));
            watched.add(of(blog, vec![event("a")]));
        }
        let taken = watched.take(shop);
        assert_eq!((taken.events.len(), taken.left_out), (MOST, MOST as u64));
        assert!(watched.take(shop).is_empty());
        assert!(watched.take(blog).is_empty());

        let long = "x".repeat(LONGEST);
        watched.add(of(shop, vec![event(&long); MOST]));
        let taken = watched.take(shop);
        assert_eq!(taken.events.len(), MOST_BYTES / (2 * LONGEST));
        assert_eq!(taken.left_out, (MOST - taken.events.len()) as u64);
        watched.end(shop);
        watched.add(of(shop, vec![event("after")]));
        watched.begin(shop);
        assert!(watched.take(shop).is_empty());
    }
}
