//! The rows of each table, in columns.

use duckdb::arrow::{
    array::{BooleanArray, RecordBatch, UInt32Array, UInt64Array},
    error::ArrowError,
};
use paneld_domain::{BotVisit, Event, Group, Profile, Session, SessionSpan, View};

use crate::duckdb::{
    overflow::{Overflow, Piece},
    write::{
        columns::{Columns, Row},
        numbers::RowNumbers,
    },
};

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
    columns.numbers_at("overflow", |place| overflow.told(place));
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
    columns.numbers_at("overflow", |place| overflow.told(place));
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
    columns.numbers_at("overflow", |place| overflow.told(place));
    columns.finish()
}

/// Keys of profiles or groups.
pub(crate) fn people_keys(rows: &[Row<'_, String>]) -> Result<RecordBatch, ArrowError> {
    let mut columns = Columns::of(rows);
    columns.texts("id", |id| id);
    columns.finish()
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
