//! Rows of events of the past, in stored form: `docs/contract/track.md` §1.5 and its decision.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use paneld_domain::{Agent, Event, Place, Problem, Referrer, Sdk, Timestamp};
use serde::{
    Deserializer as _,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::request::{
    event_time::importable,
    identity::IDLE_MS,
    payload::{Fields, LONGEST_TEXT},
    properties::LONGEST_VALUE,
};

/// How many rows may be imported at once.
pub const MOST_ROWS: usize = 10_000;
/// How many properties and groups they may have together: what is small in a body takes several
/// times as much memory.
const MOST_VALUES: usize = 1_000_000;
/// How many problems are told.
const MOST_TOLD: usize = 50;

/// Events of the past that can be imported.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImportRows(pub(crate) Vec<ImportRow>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ImportRow {
    pub(crate) event: Event,
    /// Whether the caller gave it its id.
    pub(crate) has_id: bool,
}

impl ImportRows {
    /// Reads rows.
    ///
    /// # Errors
    /// All that is wrong with them, each with the way to it.
    pub fn read(text: &str, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let problem = |message: String| vec![Problem::at([], message)];
        let mut input = serde_json::Deserializer::from_str(text);
        let read = input.deserialize_seq(Reader::new(now));
        let read = read.and_then(|read| input.end().map(|()| read));
        let read = read.map_err(|error| {
            problem(if error.is_data() {
                "must be a list of events".to_owned()
            } else {
                format!("must be JSON: {error}")
            })
        })?;
        match read.beyond {
            Some(why) => Err(problem(why)),
            None if !read.problems.is_empty() => Err(read.problems),
            None => Ok(Self(read.rows)),
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose sessions must be known to sort the rows into sessions, and of which time.
    pub fn visits(&self) -> Option<Visits> {
        let visits = self
            .0
            .iter()
            .map(|row| &row.event)
            .filter(|event| is_visit(event));
        let mut devices = BTreeSet::new();
        let (mut from, mut to) = (Timestamp::MAX_UTC, Timestamp::MIN_UTC);
        for event in visits {
            devices.insert(device_of(event).to_owned());
            from = from.min(event.created_at);
            to = to.max(event.created_at);
        }
        let idle = chrono::TimeDelta::milliseconds(IDLE_MS);
        (!devices.is_empty()).then(|| Visits {
            devices: devices.into_iter().collect(),
            from: from - idle,
            to: to + idle,
        })
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of which devices the sessions of some time must be known.
#[derive(Debug, Clone, PartialEq)]
pub struct Visits {
    /// The ids of the devices.
    pub devices: Vec<String>,
    /// The end of the earliest session that may go on.
    pub from: Timestamp,
    /// The start of the latest.
    pub to: Timestamp,
}

/// Reads rows one by one, and keeps no more of them than can be imported. Behind that, the rest is
/// only read to see that it is JSON.
struct Reader {
    now: Timestamp,
    rows: Vec<ImportRow>,
    /// How many properties and groups the rows have.
    values: usize,
    problems: Vec<Problem>,
    /// Which bound all rows together are beyond.
    beyond: Option<String>,
}

impl Reader {
    fn new(now: Timestamp) -> Self {
        Self {
            now,
            rows: Vec::new(),
            values: 0,
            problems: Vec::new(),
            beyond: None,
        }
    }

    fn is_over(&self) -> bool {
        self.beyond.is_some() || self.problems.len() >= MOST_TOLD
    }

    fn add(&mut self, index: usize, text: &str) {
        if index == MOST_ROWS {
            self.refuse(format!("must be at most {MOST_ROWS} events"));
            return;
        }
        match read(text, self.now) {
            Ok(row) => {
                self.values += row.event.properties.len() + row.event.groups.len();
                self.rows.push(row);
            }
            Err(of_row) => {
                let of_row = of_row.into_iter();
                self.problems
                    .extend(of_row.map(|problem| problem.within(index)));
            }
        }
        if self.values > MOST_VALUES {
            self.refuse(format!(
                "must have at most {MOST_VALUES} properties and groups in all events together"
            ));
        }
    }

    fn refuse(&mut self, why: String) {
        self.beyond = Some(why);
        self.rows = Vec::new();
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Self, A::Error> {
        let mut index = 0;
        while !self.is_over() {
            let Some(row) = list.next_element::<&RawValue>()? else {
                return Ok(self);
            };
            self.add(index, row.get());
            index += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

fn read(text: &str, now: Timestamp) -> Result<ImportRow, Vec<Problem>> {
    let mut fields = Fields::read(text).map_err(|why| vec![Problem::at([], why.to_string())])?;
    let id = fields.uuid("id");
    let name = fields.required_name("name");
    let created_at = fields.stored_moment("created_at", &importable(now));
    let device_id = fields.id("device_id").unwrap_or_default();
    let profile_id = fields.id("profile_id").unwrap_or_else(|| device_id.clone());
    let session_id = fields.id("session_id").unwrap_or_default();
    let groups = fields.texts("groups").unwrap_or_default();
    let revenue = fields.amount("revenue");
    let duration_ms = fields.amount("duration");
    let (longitude, latitude) = (
        fields.degrees("longitude", 180.0),
        fields.degrees("latitude", 90.0),
    );
    let country = fields.country("country");
    let mut text = |name| fields.text_of(name, longest(name)).unwrap_or_default();
    let event = Event {
        id: id.unwrap_or_else(Uuid::new_v4),
        name: name.unwrap_or_default(),
        device_id,
        profile_id,
        session_id,
        groups,
        path: text("path"),
        origin: text("origin"),
        referrer: Referrer {
            url: text("referrer"),
            name: text("referrer_name"),
            kind: text("referrer_type"),
        },
        revenue,
        duration_ms,
        created_at: created_at.unwrap_or(now),
        place: Place {
            country,
            region: text("region"),
            city: text("city"),
            longitude,
            latitude,
        },
        agent: Agent {
            os: text("os"),
            os_version: text("os_version"),
            browser: text("browser"),
            browser_version: text("browser_version"),
            device: text("device"),
            brand: text("brand"),
            model: text("model"),
        },
        sdk: Sdk {
            name: text("sdk_name"),
            version: text("sdk_version"),
        },
        imported_at: Some(now),
        properties: BTreeMap::new(),
    };
    let properties = fields.properties();
    let problems = fields.problems(None);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(ImportRow {
        event: Event {
            properties,
            ..event
        },
        has_id: id.is_some(),
    })
}

/// How many bytes the text of a column may have: addresses as many as properties, and what is one
/// of few as many as names.
fn longest(column: &str) -> usize {
    match column {
        "path" | "origin" | "referrer" | "referrer_name" => LONGEST_VALUE,
        _ => LONGEST_TEXT,
    }
}

/// Whether an event belongs to a session, of which it does not tell.
pub(crate) fn is_visit(event: &Event) -> bool {
    event.session_id.is_empty() && !device_of(event).is_empty() && !event.agent.is_server()
}

/// On which device it happened; without one, everybody has one.
pub(crate) fn device_of(event: &Event) -> &str {
    match event.device_id.as_str() {
        "" => &event.profile_id,
        device => device,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(usize, String)> {
        let now = paneld_domain::parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        match ImportRows::read(text, now) {
            Ok(rows) => panic!("{} rows", rows.len()),
            Err(problems) => {
                let told = problems.into_iter();
                told.map(|problem| (problem.path.len(), problem.message))
                    .collect()
            }
        }
    }

    #[test]
    fn what_all_rows_have_together_is_bounded() {
        let now = paneld_domain::parse_timestamp("2026-01-15T10:30:00Z").unwrap();
        let event = |beside: &str| {
            format!(r#"{{"name":"x","created_at":"2026-01-14 10:00:00","groups":["g"]{beside}}}"#)
        };
        let list = |row: &str, count: usize| format!("[{}]", vec![row; count].join(","));
        let most = list(&event(""), MOST_ROWS);
        assert_eq!(ImportRows::read(&most, now).unwrap().len(), MOST_ROWS);
        let too_many = vec![(0, "must be at most 10000 events".to_owned())];
        assert_eq!(told(&list(&event(""), MOST_ROWS + 1)), too_many);
        let properties = (0..499).map(|n| format!(r#""{n}":1"#)).collect::<Vec<_>>();
        let full = event(&format!(r#","properties":{{{}}}"#, properties.join(",")));
        assert_eq!(
            ImportRows::read(&list(&full, 2_000), now).unwrap().len(),
            2_000
        );
        let why = "must have at most 1000000 properties and groups in all events together";
        assert_eq!(told(&list(&full, 2_001)), [(0, why.to_owned())]);
        // All of it is JSON, or that is what is told.
        let cut = list(&full, 2_001).replace(']', "");
        assert!(told(&cut)[0].1.starts_with("must be JSON"));
    }

    #[test]
    fn nothing_is_kept_of_rows_that_are_none() {
        let zeros = format!("[{}0]", "0,".repeat(1_000_000));
        let told = told(&zeros);
        assert_eq!(told.len(), MOST_TOLD);
        assert_eq!(told[0], (1, "must be an object".to_owned()));
    }
}
