//! Which ways people take through events: `docs/contract/insights.md` §7.13.
//!
//! A session becomes a path: names of events in order, cut as the question says. [`FlowPaths`]
//! counts them; the answer shows the ways that most sessions take.

mod draw;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    str::FromStr,
};

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
    /// Every mode.
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

/// A question for ways.
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
pub struct NameId(usize);

/// A step that a session takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Step {
    /// The first name of its path.
    entry: NameId,
    /// The place in the path from which it leads; the first is 1.
    position: usize,
    source: NameId,
    target: NameId,
}

/// Counts the paths of sessions. However many sessions there are, it holds no more than there
/// are different steps.
#[derive(Debug)]
pub struct FlowPaths {
    request: FlowRequest,
    names: Vec<String>,
    ids: HashMap<String, NameId>,
    entries: HashMap<NameId, u64>,
    steps: HashMap<Step, u64>,
}

impl FlowPaths {
    /// So many different steps, and so many different names, are looked at.
    pub const MOST: usize = 500_000;

    /// No session yet.
    pub fn new(request: FlowRequest) -> Self {
        Self {
            request,
            names: Vec::new(),
            ids: HashMap::new(),
            entries: HashMap::new(),
            steps: HashMap::new(),
        }
    }

    /// Whether there are more different steps or names than are looked at.
    pub fn is_full(&self) -> bool {
        self.steps.len().max(self.names.len()) > Self::MOST
    }

    /// The number of a name.
    pub fn name(&mut self, name: &str) -> NameId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = NameId(self.names.len());
        self.names.push(name.to_owned());
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// Takes in a session: the names of its events in their order, without those to pass over.
    pub fn add(&mut self, events: impl IntoIterator<Item = NameId>) {
        let mut names = events.into_iter().collect::<Vec<_>>();
        names.dedup();
        let Some(path) = self.path(names) else {
            return;
        };
        let entry = path[0];
        *self.entries.entry(entry).or_default() += 1;
        for (before, pair) in path.windows(2).enumerate() {
            let step = Step {
                entry,
                position: before + 1,
                source: pair[0],
                target: pair[1],
            };
            *self.steps.entry(step).or_default() += 1;
        }
    }

    /// The part of a session that is looked at, if there is any way in it.
    fn path(&self, mut names: Vec<NameId>) -> Option<Vec<NameId>> {
        let start = *self.ids.get(&self.request.start)?;
        let start = names.iter().position(|&name| name == start)?;
        let most = self.request.steps;
        match self.request.mode {
            FlowMode::Before => {
                names.truncate(start + 1);
                names.drain(..names.len().saturating_sub(most));
            }
            FlowMode::After => {
                names.drain(..start);
                names.truncate(most);
                cut_before_repetition(&mut names);
            }
            FlowMode::Between => {
                let end = *self.ids.get(self.request.end()?)?;
                names.drain(..start);
                names.truncate(most);
                let after_start = names.iter().skip(1);
                let end = 1 + after_start.copied().position(|name| name == end)?;
                names.truncate(end + 1);
                cut_before_repetition(&mut names);
            }
        }
        (names.len() >= 2).then_some(names)
    }
}

/// A way ends where it would come back to where it was.
fn cut_before_repetition(names: &mut Vec<NameId>) {
    let mut seen = HashSet::new();
    let repeated = names.iter().position(|&name| !seen.insert(name));
    if let Some(repeated) = repeated {
        names.truncate(repeated);
    }
}

#[cfg(test)]
mod tests;
