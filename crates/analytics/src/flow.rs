//! Which ways people take through events: `docs/contract/insights.md` §7.13.
//!
//! A session becomes a path: names of events in order, cut as the question says. [`FlowPaths`]
//! counts them; the answer shows the ways that most sessions take.

mod draw;

use std::{collections::HashMap, fmt, str::FromStr};

use paneld_domain::InvalidValue;

pub use self::draw::{FlowAnswer, FlowLink, FlowNode};
use crate::window::Window;

/// Which part of a session is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FlowMode {
    /// What follows the first start event.
    #[default]
    After,
    /// What leads to the first start event.
    Before,
    /// What happens between the first start event and the first end event after it.
    Between,
}

impl FlowMode {
    /// Every mode: after, before and between.
    pub const ALL: [Self; 3] = [Self::After, Self::Before, Self::Between];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
            Self::Between => "between",
        }
    }
}

impl FromStr for FlowMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mode = Self::ALL.into_iter().find(|mode| mode.name() == text);
        mode.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            InvalidValue::new(format!("must be one of {names}"))
        })
    }
}

impl fmt::Display for FlowMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A question for the paths that sessions take from, to, or between events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRequest {
    /// Only events in it count.
    pub window: Window,
    /// Which part of a session is looked at.
    pub mode: FlowMode,
    /// The name of the event from which one looks.
    pub start: String,
    /// The name of the event up to which one looks, between the two.
    pub end: Option<String>,
    /// How many names a path has at most.
    pub steps: usize,
    /// If there are any, other names than these, the start and the end are passed over.
    pub include: Vec<String>,
    /// Otherwise these names are passed over.
    pub exclude: Vec<String>,
}

impl FlowRequest {
    /// The name of the end event, where the mode needs one.
    fn end(&self) -> Option<&str> {
        let end = self.end.as_deref();
        end.filter(|_end| self.mode == FlowMode::Between)
    }

    /// The only names that count, or `None` when it is all but those to leave out.
    pub fn only(&self) -> Option<Vec<&str>> {
        if self.include.is_empty() {
            return None;
        }
        let names = self.include.iter().map(String::as_str);
        Some(
            names
                .chain([self.start.as_str()])
                .chain(self.end())
                .collect(),
        )
    }
}

/// A name of events, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameId(u32);

impl NameId {
    fn place(self) -> usize {
        self.0 as usize
    }
}

/// A transition that a session takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Transition {
    /// The first name of its path.
    entry: NameId,
    /// The place in the path from which it leads; the first is 1.
    position: usize,
    source: NameId,
    target: NameId,
}

/// Whether all of a session's way is known, whatever it does next: a bit of the first number.
const IS_OVER: u32 = 1 << 31;

/// Counts the paths of sessions. However many sessions there are, it holds no more than there
/// are different transitions.
///
/// What a session did so far, its *way*, is kept by whoever reads the events: a few numbers, all 0
/// at first, which [`take`](Self::take) fills and [`add`](Self::add) counts. The first number tells
/// how many names follow.
#[derive(Debug)]
pub struct FlowPaths {
    request: FlowRequest,
    names: Vec<String>,
    ids: HashMap<String, NameId>,
    start: NameId,
    end: Option<NameId>,
    entries: HashMap<NameId, u64>,
    transitions: HashMap<Transition, u64>,
}

impl FlowPaths {
    /// So many different transitions, and so many different names, are looked at.
    pub const MOST: usize = 500_000;

    /// Paths without a session, to which sessions are added.
    pub fn new(request: FlowRequest) -> Self {
        let start = NameId(0);
        let mut paths = Self {
            names: vec![request.start.clone()],
            ids: HashMap::from([(request.start.clone(), start)]),
            start,
            end: None,
            request,
            entries: HashMap::new(),
            transitions: HashMap::new(),
        };
        let end = paths.request.end().map(str::to_owned);
        paths.end = end.map(|end| paths.name(&end));
        paths
    }

    /// Whether there are more different transitions or names than are looked at.
    pub fn is_full(&self) -> bool {
        self.transitions.len().max(self.names.len()) > Self::MOST
    }

    /// The number of a name.
    pub fn name(&mut self, name: &str) -> NameId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        // It is full long before there are too many.
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// How many numbers the way of a session has.
    pub fn way_length(&self) -> usize {
        1 + self.request.steps
    }

    /// Takes in the next event of a session, in the order of time. Events to pass over are left
    /// out.
    pub fn take(&self, way: &mut [u32], name: NameId) {
        let Some((progress, names)) = way.split_first_mut() else {
            return;
        };
        if *progress & IS_OVER != 0 {
            return;
        }
        let length = *progress as usize;
        let before = length.checked_sub(1).and_then(|last| names.get(last));
        if before == Some(&name.0) {
            return;
        }
        let has_begun = length > 0 || self.request.mode == FlowMode::Before;
        if !has_begun && name != self.start {
            return;
        }
        if length == names.len() {
            names.rotate_left(1);
        } else {
            *progress += 1;
        }
        let length = *progress as usize;
        names[length - 1] = name.0;
        let is_over = match self.request.mode {
            FlowMode::Before => name == self.start,
            FlowMode::After => length == names.len(),
            FlowMode::Between => length == names.len() || (length > 1 && Some(name) == self.end),
        };
        if is_over {
            *progress |= IS_OVER;
        }
    }

    /// Counts so many sessions by their way, which is not to change any more.
    pub fn add(&mut self, way: &[u32], sessions: u64) {
        let path = self.path(way);
        let [entry, _next, ..] = path[..] else {
            return;
        };
        *self.entries.entry(entry).or_default() += sessions;
        for (before, pair) in path.windows(2).enumerate() {
            let transition = Transition {
                entry,
                position: before + 1,
                source: pair[0],
                target: pair[1],
            };
            *self.transitions.entry(transition).or_default() += sessions;
        }
    }

    /// The part of a session that is looked at; there is no way in it when it has fewer than two
    /// names.
    fn path(&self, way: &[u32]) -> Vec<NameId> {
        let Some((progress, names)) = way.split_first() else {
            return Vec::new();
        };
        let length = (progress & !IS_OVER) as usize;
        let names = names[..length].iter().copied().map(NameId);
        let mut path = names.collect::<Vec<_>>();
        match self.request.mode {
            FlowMode::Before if progress & IS_OVER == 0 => Vec::new(),
            FlowMode::Between if self.end.as_ref() != path.get(1..).and_then(<[_]>::last) => {
                Vec::new()
            }
            FlowMode::Before => path,
            FlowMode::After | FlowMode::Between => {
                cut_before_repetition(&mut path);
                path
            }
        }
    }
}

/// A way ends where it would come back to where it was.
fn cut_before_repetition(names: &mut Vec<NameId>) {
    let repeated = (1..names.len()).find(|&place| names[..place].contains(&names[place]));
    if let Some(repeated) = repeated {
        names.truncate(repeated);
    }
}

#[cfg(test)]
mod tests;
