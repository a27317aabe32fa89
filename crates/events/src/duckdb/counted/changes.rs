//! When something changed last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::TimeDelta;
use paneld_analytics::Window;
use paneld_domain::{ProjectKey, Timestamp};

use crate::{StoreChange, duckdb::write::views};

/// Where a session began may move by so much when it is written anew.
const SESSIONS_MOVE: TimeDelta = TimeDelta::hours(1);

/// A project in which more days than these changed is taken to have changed everywhere.
const MOST_DAYS: usize = 10_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A moment between two changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

/// What changed when, as far as somebody may have counted it before.
#[derive(Default)]
pub(super) struct Changes(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    now: Moment,
    everywhere: Moment,
    projects: HashMap<ProjectKey, OfProject>,
}

#[derive(Default)]
struct OfProject {
    anywhere: Moment,
    /// In days of UTC, counted from 1970 on.
    days: HashMap<i64, Moment>,
}

impl Changes {
    /// The moment after all that is noted.
    pub(super) fn now(&self) -> Moment {
        self.noted().now
    }

    /// Notes changes that happen now.
    pub(super) fn note(&self, changes: &[(ProjectKey, StoreChange)]) {
        let mut noted = self.noted();
        noted.now.0 += 1;
        for (project, change) in changes {
            match change {
                StoreChange::Event(event) | StoreChange::View(event, _) => {
                    noted.note(*project, event.created_at, event.created_at);
                }
                StoreChange::Session(session) => {
                    let began = session.created_at;
                    noted.note(*project, began - SESSIONS_MOVE, began + SESSIONS_MOVE);
                }
                StoreChange::Disordered(span) => {
                    let (start, end) = views::reach(span.start, span.end);
                    noted.note(*project, start, end);
                }
                StoreChange::EraseProfile { .. }
                | StoreChange::Forget {
                    events_before: Some(_),
                    ..
                }
                | StoreChange::Purge => noted.note_anywhere(*project),
                StoreChange::Bot(_) | StoreChange::Replay(_) | StoreChange::Forget { .. } => {}
            }
        }
    }

    /// Notes that everything changes now.
    pub(super) fn note_everywhere(&self) {
        let mut noted = self.noted();
        noted.now.0 += 1;
        noted.everywhere = noted.now;
    }

    /// Whether something in a window has changed since then.
    pub(super) fn has_any(&self, since: Moment, project: ProjectKey, window: Window) -> bool {
        let noted = self.noted();
        let Some(changes) = noted.projects.get(&project) else {
            return noted.everywhere > since;
        };
        let mut days = day_of(window.start)..=day_of(window.last());
        let is_later = |day| changes.days.get(&day).is_some_and(|at| *at > since);
        noted.everywhere.max(changes.anywhere) > since || days.any(is_later)
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn note(&mut self, project: ProjectKey, start: Timestamp, end: Timestamp) {
        let changes = self.projects.entry(project).or_default();
        for day in day_of(start)..=day_of(end) {
            changes.days.insert(day, self.now);
        }
        if changes.days.len() > MOST_DAYS {
            self.note_anywhere(project);
        }
    }

    fn note_anywhere(&mut self, project: ProjectKey) {
        let changes = OfProject {
            anywhere: self.now,
            days: HashMap::new(),
        };
        self.projects.insert(project, changes);
    }
}

fn day_of(moment: Timestamp) -> i64 {
    moment.timestamp_millis().div_euclid(DAY_MS)
}
