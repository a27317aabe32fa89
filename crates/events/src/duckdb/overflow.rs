//! What has no room in its row.
//!
//! DuckDB has 2,048 values of a column in memory at once when it scans or writes them, and then
//! each long text is a buffer that cannot go. So no row is wider than [`ROW_BYTES`] in a column: the
//! rest is in rows of a table of its own, which are written and removed with the row.

pub(crate) mod batches;
mod rows;

use std::collections::{BTreeMap, VecDeque};

use duckdb::{
    Connection,
    arrow::{array::RecordBatch, error::ArrowError},
};
use paneld_domain::{Event, Group, Profile, ReplayChunk};

pub(crate) use self::rows::{complete, events};
use crate::duckdb::{
    fault::Fault,
    write::{
        append::{AT_ONCE, append},
        columns::{Columns, Row},
    },
};

/// How many bytes a row may have in a column. DuckDB reads 2,048 rows at a time, on each thread, and
/// keeps texts of 4,096 bytes or more apart, which is slow and takes more memory than it counts.
const ROW_BYTES: usize = 4_000;

/// What has properties and groups, of which callers choose the size.
pub(crate) trait Owner {
    /// The table for what has no room in the row.
    const TABLE: &'static str;
    /// What of that table tells whose a row is, and of which type that is.
    const KEY: [&'static str; 2];

    /// What is told in that column, as a text. `overflow` is what the row says of it.
    fn key(&self, overflow: u64) -> String;
    fn properties(&self) -> &BTreeMap<String, String>;
    fn properties_mut(&mut self) -> &mut BTreeMap<String, String>;
    fn groups(&self) -> impl Iterator<Item = &str>;
    fn add_group(&mut self, group: String);
}

impl Owner for Event {
    const TABLE: &'static str = "event_overflow";
    const KEY: [&'static str; 2] = ["number", "UBIGINT"];

    fn key(&self, overflow: u64) -> String {
        overflow.to_string()
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    fn properties_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.properties
    }

    fn add_group(&mut self, group: String) {
        self.groups.push(group);
    }
}

impl Owner for Profile {
    const TABLE: &'static str = "profile_overflow";
    const KEY: [&'static str; 2] = ["id", "VARCHAR"];

    fn key(&self, _overflow: u64) -> String {
        self.id.clone()
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    fn properties_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.properties
    }

    fn add_group(&mut self, group: String) {
        self.groups.insert(group);
    }
}

impl Owner for Group {
    const TABLE: &'static str = "group_overflow";
    const KEY: [&'static str; 2] = ["id", "VARCHAR"];

    fn key(&self, _overflow: u64) -> String {
        self.id.clone()
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    fn groups(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    fn properties_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.properties
    }

    fn add_group(&mut self, _group: String) {}
}

type Property<'a> = (&'a str, &'a str);

fn size_of((name, value): &Property<'_>) -> usize {
    name.len() + value.len()
}

fn properties_of<T: Owner>(row: &T) -> impl Iterator<Item = Property<'_>> {
    let properties = row.properties().iter();
    properties.map(|(name, value)| (name.as_str(), value.as_str()))
}

/// What there is in one row, of the table itself or of its overflow.
#[derive(Debug, Default)]
struct Part<'a> {
    properties: Vec<Property<'a>>,
    groups: Vec<&'a str>,
}

impl Part<'_> {
    fn bytes(&self) -> usize {
        let properties = self.properties.iter().map(size_of).sum::<usize>();
        properties + self.groups.iter().map(|group| group.len()).sum::<usize>()
    }
}

/// Something that has no room in its row: what is there, and the rest. Of a value without room in any
/// row, each has a piece.
pub(crate) struct Wide<'a> {
    row: Part<'a>,
    rest: Vec<Part<'a>>,
    /// What the row says of the rest.
    overflow: u64,
}

impl<'a> Wide<'a> {
    /// Nothing, of what has room in its row, or is one value.
    fn of<T: Owner>(row: &'a T) -> Option<Self> {
        let properties = properties_of(row).map(|property| size_of(&property));
        let groups = row.groups().map(str::len);
        if properties.sum::<usize>() <= ROW_BYTES && groups.sum::<usize>() <= ROW_BYTES {
            return None;
        }
        // The smallest first, so that most of them can be searched.
        let mut properties = properties_of(row).collect::<Vec<_>>();
        properties.sort_by_key(size_of);
        let pieces = properties.into_iter().flat_map(pieces_of_property);
        let mut properties = cut(pieces.collect(), size_of);
        let mut groups = cut(row.groups().collect(), |group| group.len());
        let mut next = || {
            let part = Part {
                properties: properties.pop_front().unwrap_or_default(),
                groups: groups.pop_front().unwrap_or_default(),
            };
            let is_empty = part.properties.is_empty() && part.groups.is_empty();
            (!is_empty).then_some(part)
        };
        let row = next()?;
        let rest = std::iter::from_fn(next).collect::<Vec<_>>();
        if rest.is_empty() {
            return None;
        }
        let overflow = rest.iter().map(Part::bytes).sum::<usize>() as u64;
        Some(Self {
            row,
            rest,
            overflow,
        })
    }
}

/// A property, in as many pieces as have room in a row each.
fn pieces_of_property<'a>((name, value): Property<'a>) -> impl Iterator<Item = Property<'a>> {
    let pieces = pieces_of(value, ROW_BYTES.saturating_sub(name.len()));
    pieces.map(move |piece| (name, piece))
}

/// A text, in pieces of so many bytes at most: at least one.
fn pieces_of(text: &str, bytes: usize) -> impl Iterator<Item = &str> {
    // No character has more.
    let bytes = bytes.max(char::MAX.len_utf8());
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let (piece, behind) = rest.map(|rest| rest.split_at(rest.floor_char_boundary(bytes)))?;
        rest = (!behind.is_empty()).then_some(behind);
        Some(piece)
    })
}

/// Cuts a list into parts that have room in a row.
fn cut<V>(values: Vec<V>, size: impl Fn(&V) -> usize) -> VecDeque<Vec<V>> {
    let mut parts = VecDeque::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for value in values {
        bytes += size(&value);
        if bytes > ROW_BYTES && !part.is_empty() {
            bytes = size(&value);
            parts.push_back(std::mem::take(&mut part));
        }
        part.push(value);
    }
    parts.push_back(part);
    parts
}

/// Those of some rows that have no room, by their places among them.
pub(crate) struct Overflow<'a>(BTreeMap<usize, Wide<'a>>);

impl<'a> Overflow<'a> {
    pub(crate) fn of<T: Owner>(rows: &[Row<'a, T>]) -> Self {
        let rows = rows.iter().enumerate();
        let wide = rows.filter_map(|(place, (_, row))| Some((place, Wide::of(*row)?)));
        Self(wide.collect())
    }

    /// The same of events, whose rows are found by numbers.
    pub(crate) fn of_events(
        connection: &Connection,
        events: &[Row<'a, Event>],
    ) -> Result<Self, Fault> {
        let mut overflow = Self::of(events);
        if !overflow.0.is_empty() {
            let last = "SELECT coalesce(max(number), 0) FROM event_overflow";
            let last = connection.query_row(last, [], |row| row.get::<_, u64>(0))?;
            for (number, wide) in (last + 1..).zip(overflow.0.values_mut()) {
                wide.overflow = number;
            }
        }
        Ok(overflow)
    }

    /// What the row at a place says of its overflow; 0 when there is none.
    pub(crate) fn told(&self, place: usize) -> u64 {
        self.0.get(&place).map_or(0, |wide| wide.overflow)
    }

    /// The properties that are in the row itself.
    pub(crate) fn properties<T: Owner>(
        &self,
        place: usize,
        row: &'a T,
    ) -> impl Iterator<Item = Property<'a>> {
        let wide = self.0.get(&place).map(|wide| &wide.row.properties);
        let all = wide.is_none().then(|| properties_of(row));
        let some = wide.into_iter().flatten().copied();
        all.into_iter().flatten().chain(some)
    }

    /// The groups that are in the row itself.
    pub(crate) fn groups<T: Owner>(
        &self,
        place: usize,
        row: &'a T,
    ) -> impl Iterator<Item = &'a str> {
        let wide = self.0.get(&place).map(|wide| &wide.row.groups);
        let all = wide.is_none().then(|| row.groups());
        let some = wide.into_iter().flatten().copied();
        all.into_iter().flatten().chain(some)
    }

    /// Appends the rest to a table of overflow.
    pub(crate) fn append<T: Owner>(
        &self,
        connection: &Connection,
        table: &str,
        rows: &[Row<'a, T>],
    ) -> Result<(), Fault> {
        let mut parts = Vec::new();
        for (place, wide) in &self.0 {
            let Some((project, owner)) = rows.get(*place) else {
                continue;
            };
            let key = owner.key(wide.overflow);
            let numbered = (0..).zip(&wide.rest);
            parts.extend(numbered.map(|(number, part)| {
                (
                    *project,
                    Rest {
                        key: key.clone(),
                        number,
                        part,
                    },
                )
            }));
        }
        let parts = parts.iter().map(|(project, rest)| (*project, rest));
        for parts in parts.collect::<Vec<_>>().chunks(AT_ONCE) {
            append(connection, table, rest_rows(parts, T::KEY)?)?;
        }
        Ok(())
    }
}

/// A row of a table of overflow.
struct Rest<'a> {
    key: String,
    number: u16,
    part: &'a Part<'a>,
}

/// The rows of a table of overflow, whose key is the column of this name and type.
fn rest_rows(
    rows: &[Row<'_, Rest<'_>>],
    [key, _type]: [&str; 2],
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts(key, |rest| &rest.key);
    columns.shorts("part", |rest| rest.number);
    columns.maps("properties", |_, rest| rest.part.properties.iter().copied())?;
    columns.lists("groups", |_, rest| rest.part.groups.iter().copied());
    columns.finish()
}

/// A row of a recording.
pub(crate) struct Piece<'a> {
    pub(crate) chunk: &'a ReplayChunk,
    pub(crate) number: u16,
    pub(crate) payload: &'a str,
}

/// The rows of a chunk of a recording: at least one.
pub(crate) fn pieces(chunk: &ReplayChunk) -> impl Iterator<Item = Piece<'_>> {
    (0..)
        .zip(pieces_of(&chunk.payload, ROW_BYTES))
        .map(move |(number, payload)| Piece {
            chunk,
            number,
            payload,
        })
}
