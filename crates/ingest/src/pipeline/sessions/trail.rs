//! The pages that a session saw, as far as it takes to place the next view among them.

use std::cmp::Ordering;

use paneld_domain::{Event, PreviousView, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// How many views of a session are put in order. Who sees more is hardly human, and to find the
/// places of all of them anew takes longer with each one.
const MOST_VIEWS: u32 = 1_000;

/// The last view of a session, and its different pages.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trail {
    last: Option<Last>,
    /// Digests of the pages, in the order in which they were first seen.
    pages: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Last {
    at: i64,
    id: Uuid,
    origin: String,
    path: String,
}

/// Where a view belongs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ViewOrder {
    /// Behind all others.
    Next(View),
    /// Among them.
    Disordered,
    /// Nobody knows: too many came before it. Reports sort such views themselves.
    Unknown,
}

impl ViewOrder {
    /// The place of the view, where it is known.
    pub(crate) fn next(self) -> Option<View> {
        match self {
            Self::Next(view) => Some(view),
            Self::Disordered | Self::Unknown => None,
        }
    }
}

impl Trail {
    /// Origin and path of the last view.
    pub(super) fn last_page(&mut self) -> Option<[&mut String; 2]> {
        let last = self.last.as_mut()?;
        Some([&mut last.origin, &mut last.path])
    }

    /// The last view, where it is another one than before.
    pub(super) fn last_since(&self, before: &Self) -> Option<Last> {
        self.last
            .clone()
            .filter(|last| before.last.as_ref() != Some(last))
    }

    /// The pages that came to those of before.
    pub(super) fn pages_since(&self, before: &Self) -> Vec<u64> {
        self.pages
            .iter()
            .skip(before.pages.len())
            .copied()
            .collect()
    }

    /// Adds what came since, which may be there already.
    pub(super) fn grow(&mut self, last: Option<Last>, pages: Vec<u64>) {
        if last.is_some() {
            self.last = last;
        }
        for page in pages {
            if !self.pages.contains(&page) {
                self.pages.push(page);
            }
        }
    }

    /// How many bytes of texts and digests there are.
    pub(super) fn bytes(&self) -> usize {
        let last = self.last.as_ref();
        let page = last.map_or(0, |last| last.origin.len() + last.path.len());
        page + self.pages.capacity() * size_of::<u64>()
    }

    /// Adds a view, by its number in the session. Views of one moment are in the order of their
    /// ids.
    pub(super) fn step(&mut self, event: &Event, number: u32) -> ViewOrder {
        if number > MOST_VIEWS {
            return ViewOrder::Unknown;
        }
        let is_first = self.is_first(event);
        let at = event.created_at.timestamp_millis();
        let present = self.last.as_ref();
        let since = present.map(|last| (at - last.at, event.id.cmp(&last.id)));
        let is_next = since.is_none_or(|(since, _)| since > 0);
        let previous = present.filter(|_| is_next).map(|last| PreviousView {
            origin: last.origin.clone(),
            path: last.path.clone(),
            duration_ms: at.abs_diff(last.at),
        });
        if is_next || since == Some((0, Ordering::Greater)) {
            self.last = Some(Last {
                at,
                id: event.id,
                origin: event.origin.clone(),
                path: event.path.clone(),
            });
        }
        if is_next {
            ViewOrder::Next(View { is_first, previous })
        } else {
            ViewOrder::Disordered
        }
    }

    /// Whether its page is seen for the first time.
    fn is_first(&mut self, event: &Event) -> bool {
        let page = digest(event);
        let is_first = !self.pages.contains(&page);
        if is_first {
            self.pages.push(page);
        }
        is_first
    }
}

/// Tells the pages of one session apart.
fn digest(event: &Event) -> u64 {
    let digest = Sha256::new()
        .chain_update(event.origin.as_bytes())
        .chain_update([0])
        .chain_update(event.path.as_bytes())
        .finalize();
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}
