//! Rows as Arrow has them: column by column, which is how DuckDB takes them fastest.

use std::{collections::HashMap, sync::Arc};

use duckdb::arrow::{
    array::{
        Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Float32Array, Int64Array, ListBuilder,
        MapBuilder, RecordBatch, StringArray, StringBuilder, TimestampMillisecondArray,
        UInt16Array, UInt32Array, UInt64Array,
    },
    datatypes::{Field, Schema},
    error::ArrowError,
};
use paneld_domain::{
    Agent, BotVisit, Event, Group, Place, Profile, ProjectKey, Referrer, Session, SessionSpan,
    Timestamp, View,
};

use crate::{
    numbers::{Asked, New, Page, RowNumbers, Visitor},
    overflow::{Overflow, Piece, Rest},
};

/// A row with the project it belongs to.
pub(crate) type Row<'a, T> = (ProjectKey, &'a T);

/// The rows of `events`, each with its place among the views of its session, if that is known.
pub(crate) fn events<'a>(
    rows: &[Row<'a, Event>],
    views: &[Option<&'a View>],
    numbers: &RowNumbers<'a>,
    overflow: &Overflow<'a>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("id", |event| event.id.as_bytes())?;
    columns.texts("name", |event| &event.name);
    columns.times("created_at", |event| Some(event.created_at));
    columns.texts("device_id", |event| &event.device_id);
    columns.texts("profile_id", |event| &event.profile_id);
    columns.texts("session_id", |event| &event.session_id);
    columns.lists("groups", |place, event| overflow.groups(place, event));
    columns.texts("path", |event| &event.path);
    columns.texts("origin", |event| &event.origin);
    columns.referrers(|event| &event.referrer);
    columns.numbers("revenue", |event| event.revenue);
    columns.numbers("duration", |event| event.duration_ms);
    columns.maps("properties", |place, event| {
        overflow.properties(place, event)
    })?;
    columns.places(|event| &event.place);
    columns.agents(|event| &event.agent);
    columns.texts("sdk_name", |event| &event.sdk.name);
    columns.texts("sdk_version", |event| &event.sdk.version);
    columns.times("imported_at", |event| event.imported_at);
    columns.numbers_of("visitor", |row| numbers.visitor_of(row));
    columns.numbers_of("page", |row| numbers.page_of(row));
    columns.views(views, numbers);
    columns.overflow(overflow);
    columns.finish()
}

/// The rows of `sessions`.
pub(crate) fn sessions(
    rows: &[Row<'_, Session>],
    numbers: &RowNumbers<'_>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |session| &session.id);
    columns.texts("device_id", |session| &session.device_id);
    columns.texts("profile_id", |session| &session.profile_id);
    columns.lists("groups", |_, session| {
        session.groups.iter().map(String::as_str)
    });
    columns.times("created_at", |session| Some(session.created_at));
    columns.texts("entry_path", |session| &session.entry_path);
    columns.texts("entry_origin", |session| &session.entry_origin);
    columns.course();
    columns.referrers(|session| &session.referrer);
    columns.texts("utm_source", |session| &session.utm.source);
    columns.texts("utm_medium", |session| &session.utm.medium);
    columns.texts("utm_campaign", |session| &session.utm.campaign);
    columns.texts("utm_content", |session| &session.utm.content);
    columns.texts("utm_term", |session| &session.utm.term);
    columns.places(|session| &session.place);
    columns.agents(|session| &session.agent);
    columns.numbers_of("visitor", |row| numbers.session_visitor(row));
    columns.numbers_of("entry_page", |row| numbers.entry_page(row));
    columns.finish()
}

/// The rows of `visitors`.
pub(crate) fn visitors(rows: &[Row<'_, New<Visitor<'_>>>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |visitor| &visitor.digest)?;
    columns.counts("number", |visitor| visitor.number);
    columns.finish()
}

/// The rows of `pages`.
pub(crate) fn pages(
    rows: &[Row<'_, New<Page<'_>>>],
    numbers: &RowNumbers<'_>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |page| &page.digest)?;
    columns.counts("number", |page| page.number);
    columns.numbers_of("untitled", |(project, page)| {
        numbers.untitled(*project, page.what)
    });
    columns.texts("origin", |page| page.what.origin);
    columns.texts("path", |page| page.what.path);
    columns.texts("title", |page| page.what.title);
    columns.finish()
}

/// The rows of what is asked of a table of numbers.
pub(crate) fn asked(rows: &[Row<'_, Asked>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("digest", |asked| &asked.digest)?;
    columns.counts("place", |asked| asked.place);
    columns.finish()
}

/// How far sessions are, with their keys.
pub(crate) fn courses(rows: &[Row<'_, Session>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |session| &session.id);
    columns.course();
    columns.finish()
}

/// The keys of sessions.
pub(crate) fn session_keys(rows: &[Row<'_, Session>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |session| &session.id);
    columns.finish()
}

/// The keys of sessions whose views are to be put in order.
pub(crate) fn session_spans(rows: &[Row<'_, SessionSpan>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("session_id", |span| &span.session_id);
    columns.finish()
}

/// The rows of `bot_visits`.
pub(crate) fn bot_visits(rows: &[Row<'_, BotVisit>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.ids("id", |visit| visit.id.as_bytes())?;
    columns.texts("name", |visit| &visit.name);
    columns.texts("type", |visit| &visit.kind);
    columns.texts("path", |visit| &visit.path);
    columns.times("created_at", |visit| Some(visit.created_at));
    columns.finish()
}

/// The rows of `replay_chunks`.
pub(crate) fn replay_chunks(rows: &[Row<'_, Piece<'_>>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("session_id", |piece| &piece.chunk.session_id);
    columns.shorts("chunk_index", |piece| piece.chunk.index);
    columns.times("started_at", |piece| Some(piece.chunk.started_at));
    columns.times("ended_at", |piece| Some(piece.chunk.ended_at));
    columns.shorts("events_count", |piece| piece.chunk.events_count);
    columns.flags("is_full_snapshot", |piece| piece.chunk.is_full_snapshot);
    columns.shorts("piece", |piece| piece.number);
    columns.texts("payload", |piece| piece.payload);
    columns.finish()
}

/// The rows of `profiles`.
pub(crate) fn profiles<'a>(
    rows: &[Row<'a, Profile>],
    overflow: &Overflow<'a>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |profile| &profile.id);
    columns.texts("first_name", |profile| &profile.first_name);
    columns.texts("last_name", |profile| &profile.last_name);
    columns.texts("email", |profile| &profile.email);
    columns.texts("avatar", |profile| &profile.avatar);
    columns.maps("properties", |place, profile| {
        overflow.properties(place, profile)
    })?;
    columns.lists("groups", |place, profile| overflow.groups(place, profile));
    columns.times("created_at", |profile| Some(profile.created_at));
    columns.times("last_seen_at", |profile| Some(profile.last_seen_at));
    columns.numbers("left_out", |profile| profile.left_out);
    columns.overflow(overflow);
    columns.finish()
}

/// The rows of `groups`.
pub(crate) fn groups<'a>(
    rows: &[Row<'a, Group>],
    overflow: &Overflow<'a>,
) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |group| &group.id);
    columns.texts("type", |group| &group.kind);
    columns.texts("name", |group| &group.name);
    columns.maps("properties", |place, group| {
        overflow.properties(place, group)
    })?;
    columns.times("created_at", |group| Some(group.created_at));
    columns.times("updated_at", |group| Some(group.updated_at));
    columns.numbers("left_out", |group| group.left_out);
    columns.overflow(overflow);
    columns.finish()
}

/// The rows of a table of overflow, whose key is the column of this name and type.
pub(crate) fn overflow(
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

/// Keys of profiles or groups.
pub(crate) fn people_keys(rows: &[Row<'_, String>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |id| id);
    columns.finish()
}

/// The columns so far of some rows. Each method adds one or a few, by their names in the table.
struct Columns<'a, T> {
    rows: &'a [Row<'a, T>],
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl<'a, T> Columns<'a, T> {
    fn of(rows: &'a [Row<'a, T>]) -> Self {
        let mut columns = Self {
            rows,
            fields: Vec::new(),
            arrays: Vec::new(),
        };
        let keys = rows.iter().map(|(project, _)| project.0);
        columns.add("project_key", Int64Array::from_iter_values(keys));
        columns
    }

    fn finish(self) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays)
    }

    fn add(&mut self, name: &str, array: impl Array + 'static) {
        let data_type = array.data_type().clone();
        self.fields.push(Field::new(name, data_type, true));
        self.arrays.push(Arc::new(array));
    }

    fn values<V>(&self, value: impl Fn(&'a T) -> V) -> impl Iterator<Item = V> {
        self.rows.iter().map(move |(_, row)| value(row))
    }

    fn ids(&mut self, name: &str, id: impl Fn(&'a T) -> &'a [u8; 16]) -> Result<(), ArrowError> {
        let array = FixedSizeBinaryArray::try_from_iter(self.values(id))?;
        let extension = ("ARROW:extension:name".to_owned(), "arrow.uuid".to_owned());
        let field = Field::new(name, array.data_type().clone(), true);
        self.fields
            .push(field.with_metadata(HashMap::from([extension])));
        self.arrays.push(Arc::new(array));
        Ok(())
    }

    fn texts(&mut self, name: &str, text: impl Fn(&'a T) -> &'a str) {
        let array = StringArray::from_iter_values(self.values(text));
        self.add(name, array);
    }

    /// The function takes a row and its place.
    fn lists<L>(&mut self, name: &str, list: impl Fn(usize, &'a T) -> L)
    where
        L: IntoIterator<Item = &'a str>,
    {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for (place, (_, row)) in self.rows.iter().enumerate() {
            builder.append_value(list(place, row).into_iter().map(Some));
        }
        self.add(name, builder.finish());
    }

    fn times(&mut self, name: &str, time: impl Fn(&'a T) -> Option<Timestamp>) {
        let millis = self.values(|row| time(row).map(|time| time.timestamp_millis()));
        let array = millis.collect::<TimestampMillisecondArray>();
        self.add(name, array);
    }

    fn numbers(&mut self, name: &str, number: impl Fn(&'a T) -> u64) {
        let array = UInt64Array::from_iter_values(self.values(number));
        self.add(name, array);
    }

    fn counts(&mut self, name: &str, count: impl Fn(&'a T) -> u32) {
        let array = UInt32Array::from_iter_values(self.values(count));
        self.add(name, array);
    }

    fn numbers_of(&mut self, name: &str, number: impl Fn(&Row<'a, T>) -> u32) {
        let array = UInt32Array::from_iter_values(self.rows.iter().map(number));
        self.add(name, array);
    }

    fn overflow(&mut self, overflow: &Overflow<'_>) {
        let told = (0..self.rows.len()).map(|place| overflow.told(place));
        self.add("overflow", UInt64Array::from_iter_values(told));
    }

    fn shorts(&mut self, name: &str, number: impl Fn(&'a T) -> u16) {
        let array = UInt16Array::from_iter_values(self.values(number));
        self.add(name, array);
    }

    fn flags(&mut self, name: &str, flag: impl Fn(&'a T) -> bool) {
        let array = self.values(|row| Some(flag(row)));
        let array = array.collect::<BooleanArray>();
        self.add(name, array);
    }

    fn degrees(&mut self, name: &str, degrees: impl Fn(&'a T) -> Option<f32>) {
        let array = self.values(degrees).collect::<Float32Array>();
        self.add(name, array);
    }

    fn referrers(&mut self, referrer: impl Fn(&'a T) -> &'a Referrer) {
        self.texts("referrer", |row| &referrer(row).url);
        self.texts("referrer_name", |row| &referrer(row).name);
        self.texts("referrer_type", |row| &referrer(row).kind);
    }

    fn places(&mut self, place: impl Fn(&'a T) -> &'a Place) {
        self.texts("country", |row| &place(row).country);
        self.texts("region", |row| &place(row).region);
        self.texts("city", |row| &place(row).city);
        self.degrees("longitude", |row| place(row).longitude);
        self.degrees("latitude", |row| place(row).latitude);
    }

    fn agents(&mut self, agent: impl Fn(&'a T) -> &'a Agent) {
        self.texts("os", |row| &agent(row).os);
        self.texts("os_version", |row| &agent(row).os_version);
        self.texts("browser", |row| &agent(row).browser);
        self.texts("browser_version", |row| &agent(row).browser_version);
        self.texts("device", |row| &agent(row).device);
        self.texts("brand", |row| &agent(row).brand);
        self.texts("model", |row| &agent(row).model);
    }

    /// The function takes a row and its place.
    fn maps<M>(&mut self, name: &str, map: impl Fn(usize, &'a T) -> M) -> Result<(), ArrowError>
    where
        M: IntoIterator<Item = (&'a str, &'a str)>,
    {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        for (place, (_, row)) in self.rows.iter().enumerate() {
            for (key, value) in map(place, row) {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(true)?;
        }
        self.add(name, builder.finish());
        Ok(())
    }
}

/// What is no view of a session is not its first one; only where that is not known there is nothing,
/// so that such rows are found at once.
fn is_first_view((event, view): (&Event, &Option<&View>)) -> Option<bool> {
    match view {
        Some(view) => Some(view.is_first),
        None if event.name == Event::SCREEN_VIEW && !event.session_id.is_empty() => None,
        None => Some(false),
    }
}

impl<'a> Columns<'a, Event> {
    fn views(&mut self, views: &[Option<&'a View>], numbers: &RowNumbers<'a>) {
        let first = self.values(|event| event).zip(views).map(is_first_view);
        let first = first.collect::<BooleanArray>();
        self.add("is_first_view", first);
        let previous = self.rows.iter().zip(views);
        let previous = previous.map(|((project, _), view)| numbers.page_before(*project, *view));
        let previous = UInt32Array::from_iter_values(previous);
        self.add("previous_page", previous);
        let durations = views.iter().map(|view| {
            let previous = view.and_then(|view| view.previous.as_ref());
            previous.map_or(0, |previous| previous.duration_ms)
        });
        let durations = UInt64Array::from_iter_values(durations);
        self.add("previous_duration", durations);
    }
}

impl Columns<'_, Session> {
    /// What changes while a session goes on.
    fn course(&mut self) {
        self.times("ended_at", |session| Some(session.ended_at));
        self.flags("is_bounce", Session::is_bounce);
        self.texts("exit_path", |session| &session.exit_path);
        self.texts("exit_origin", |session| &session.exit_origin);
        self.counts("screen_view_count", |session| session.screen_view_count);
        self.counts("event_count", |session| session.event_count);
        self.numbers("revenue", |session| session.revenue);
        self.numbers("duration", Session::duration_ms);
    }
}
