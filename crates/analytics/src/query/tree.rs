//! A query string as a tree of texts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Brackets may be nested so deep.
const DEEPEST: usize = 5;

/// What stands between two brackets: `0`, or `name`. Empty brackets mean the next place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Segment {
    Index(u32),
    Key(String),
}

/// What was given for a parameter, or for a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) texts: Vec<String>,
    branches: BTreeMap<Segment, Node>,
    is_too_deep: bool,
}

impl Node {
    /// Puts a text in its place.
    pub(super) fn insert(&mut self, steps: &[&str], text: String) {
        if steps.len() > DEEPEST {
            self.is_too_deep = true;
            return;
        }
        match steps {
            [] => self.texts.push(text),
            [first, rest @ ..] => {
                let segment = self.segment(first);
                self.branches.entry(segment).or_default().insert(rest, text);
            }
        }
    }

    fn segment(&self, text: &str) -> Segment {
        if text.is_empty() {
            return Segment::Index(self.next_place());
        }
        let is_place = text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(place) if is_place => Segment::Index(place),
            _ => Segment::Key(text.to_owned()),
        }
    }

    fn next_place(&self) -> u32 {
        let places = self.branches.keys().filter_map(|step| match step {
            Segment::Index(place) => Some(*place),
            Segment::Key(_) => None,
        });
        places.max().map_or(0, |last| last + 1)
    }

    /// Whether brackets were used.
    pub(super) fn is_branched(&self) -> bool {
        !self.branches.is_empty()
    }

    /// What cannot be understood about how it was written.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.is_too_deep {
            return Some("must not be nested so deep");
        }
        if self.is_branched() && !self.texts.is_empty() {
            return Some("must not be written in two ways at once");
        }
        self.branches.values().find_map(Self::problem)
    }

    /// The tree as JSON. Its leaves are texts, unless they are JSON lists or objects themselves.
    pub(super) fn to_json(&self) -> Value {
        if self.is_branched() {
            return self.branches_to_json();
        }
        match self.texts.as_slice() {
            [text] => leaf(text),
            texts => texts.iter().map(|text| leaf(text)).collect(),
        }
    }

    fn branches_to_json(&self) -> Value {
        let is_list = |step: &Segment| matches!(step, Segment::Index(_));
        if self.branches.keys().all(is_list) {
            return self.branches.values().map(Self::to_json).collect();
        }
        let named = self.branches.iter().map(|(step, node)| {
            let name = match step {
                Segment::Index(place) => place.to_string(),
                Segment::Key(name) => name.clone(),
            };
            (name, node.to_json())
        });
        Value::Object(named.collect::<Map<_, _>>())
    }
}

fn leaf(text: &str) -> Value {
    let read = || serde_json::from_str(text).ok();
    let json = text.starts_with(['[', '{']).then(read).flatten();
    json.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The name of the parameter, and the way into it: `filters[0][name]`. A key whose brackets make
/// no sense is a name as it stands.
pub(super) fn split_key(key: &str) -> (&str, Vec<&str>) {
    let whole = (key, Vec::new());
    let Some(open) = key.find('[').filter(|&open| open > 0) else {
        return whole;
    };
    let (name, brackets) = key.split_at(open);
    let Some(inner) = brackets
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    else {
        return whole;
    };
    let steps: Vec<_> = inner.split("][").collect();
    if steps.iter().any(|step| step.contains(['[', ']'])) {
        return whole;
    }
    (name, steps)
}
