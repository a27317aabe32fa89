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
    /// Its id.
    pub id: Uuid,
    /// What happened; 256 bytes of it.
    pub name: String,
    /// The path of the page, or the name of the screen; 256 bytes of it.
    pub path: String,
    /// When it happened.
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

    fn note(&mut self, event: &Event) {
        // What is imported happened long ago.
        if event.imported_at.is_none() {
            self.add(StoredEvent::of(event));
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
                    Change::Event(event) | Change::View(event, _) => events.note(event),
                    Change::Opening(event, _) => {
                        events.note(&Live::start(event));
                        events.note(event);
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
