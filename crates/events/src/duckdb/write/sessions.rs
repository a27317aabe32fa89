//! Rows of sessions.
//!
//! A session is written again and again while it goes on, and all that changes is how far it is.
//! To update that in its row takes a third of the time of removing the row and appending it anew,
//! and a fifth of the room in the write-ahead log. Where something else has changed, or may have,
//! the row is replaced.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash as _, Hasher as _, RandomState},
};

use duckdb::Connection;
use paneld_domain::{ProjectKey, Session};
use quick_cache::unsync::Cache;

use crate::duckdb::{
    fault::Fault,
    sql::millis,
    write::{append::append, columns::Row, numbers::RowNumbers, record},
};

/// All versions of a session began within this, in milliseconds; far within. Its id is made of
/// the half-hour in which the event happened that opened it. Events that came later move its
/// beginning back by a quarter of an hour at most: older ones belong to no session.
const VERSIONS_APART_MS: i64 = 24 * 60 * 60 * 1000;

/// So many sessions are remembered: some 10 MB.
const REMEMBERED: usize = 200_000;

/// The last version of each session, by its id.
pub(crate) type Versions<'a> = HashMap<(ProjectKey, &'a str), &'a Session>;

/// What is to be written of sessions, in the order of time.
pub(crate) struct Split<'a> {
    /// Those that are in the table, and differ by how far they are at most.
    pub(crate) going_on: Vec<Row<'a, Session>>,
    /// Those that are new, or differ, or of which nobody remembers.
    pub(crate) others: Vec<Row<'a, Session>>,
}

/// The sessions that were written lately.
pub(crate) struct Sessions {
    /// By the hash of an id: that of what is in the row beside how far the session is.
    remembered: Cache<(ProjectKey, u64), u64>,
    hasher: RandomState,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self {
            remembered: Cache::new(REMEMBERED),
            hasher: RandomState::new(),
        }
    }

    /// The rows of which only the course has changed, and the others. Both are to be written.
    pub(crate) fn split<'a>(&mut self, versions: &Versions<'a>) -> Split<'a> {
        let rows = in_order(versions).into_iter();
        let (going_on, others) =
            rows.partition(|(project, session)| self.remember(*project, session));
        Split { going_on, others }
    }

    /// Remembers a session. Tells whether it only goes on.
    fn remember(&mut self, project: ProjectKey, session: &Session) -> bool {
        let id = (project, self.hasher.hash_one(&session.id));
        let lasting = hash_of_lasting(&self.hasher, session);
        if self.remembered.get(&id) == Some(&lasting) {
            return true;
        }
        self.remembered.insert(id, lasting);
        false
    }
}

/// Of everything but what [`update`] writes.
fn hash_of_lasting(hasher: &RandomState, session: &Session) -> u64 {
    let Session {
        id,
        device_id,
        profile_id,
        groups,
        created_at,
        ended_at: _,
        entry_path,
        entry_origin,
        exit_path: _,
        exit_origin: _,
        screen_view_count: _,
        event_count: _,
        revenue: _,
        referrer,
        utm,
        place,
        agent,
    } = session;
    let mut hash = hasher.build_hasher();
    (id, device_id, profile_id, groups, created_at).hash(&mut hash);
    (entry_path, entry_origin, referrer, utm, agent).hash(&mut hash);
    (&place.country, &place.region, &place.city).hash(&mut hash);
    (
        place.longitude.map(f32::to_bits),
        place.latitude.map(f32::to_bits),
    )
        .hash(&mut hash);
    hash.finish()
}

/// By time, so that zone maps stay narrow.
fn in_order<'a>(versions: &Versions<'a>) -> Vec<Row<'a, Session>> {
    let mut rows: Vec<_> = versions
        .iter()
        .map(|(&(project, _), &session)| (project, session))
        .collect();
    rows.sort_unstable_by_key(|(project, session)| (session.created_at, *project, &session.id));
    rows
}

/// Brings sessions that go on to where they are now.
pub(crate) fn update(connection: &Connection, rows: &[Row<'_, Session>]) -> Result<(), Fault> {
    let Some((_, earliest)) = rows.first() else {
        return Ok(());
    };
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE updated_sessions (
            project_key BIGINT, id VARCHAR, ended_at TIMESTAMP_MS, is_bounce BOOLEAN,
            exit_path VARCHAR, exit_origin VARCHAR, screen_view_count UINTEGER,
            event_count UINTEGER, revenue UBIGINT, duration UBIGINT
        )",
    )?;
    append(connection, "updated_sessions", record::courses(rows)?)?;
    let updated = connection.execute(
        "UPDATE sessions SET
            ended_at = updated.ended_at,
            is_bounce = updated.is_bounce,
            exit_path = updated.exit_path,
            exit_origin = updated.exit_origin,
            screen_view_count = updated.screen_view_count,
            event_count = updated.event_count,
            revenue = updated.revenue,
            duration = updated.duration
         FROM updated_sessions AS updated
         WHERE sessions.created_at >= ?::TIMESTAMP_MS
           AND sessions.project_key = updated.project_key
           AND sessions.id = updated.id",
        [millis(earliest.created_at.timestamp_millis())],
    )?;
    connection.execute_batch("DROP TABLE updated_sessions")?;
    if updated == rows.len() {
        Ok(())
    } else {
        let wanted = rows.len();
        Err(Fault::Store(
            format!("{updated} sessions were updated instead of {wanted}").into(),
        ))
    }
}

/// Puts sessions in the place of their earlier versions, if there are some.
pub(crate) fn replace<'a>(
    connection: &Connection,
    rows: &[Row<'a, Session>],
    numbers: &RowNumbers<'a>,
) -> Result<(), Fault> {
    let Some((_, earliest)) = rows.first() else {
        return Ok(());
    };
    let since = earliest.created_at.timestamp_millis() - VERSIONS_APART_MS;
    connection.execute_batch(
        "CREATE OR REPLACE TEMP TABLE replaced_sessions (project_key BIGINT, id VARCHAR)",
    )?;
    append(connection, "replaced_sessions", record::session_keys(rows)?)?;
    connection.execute(
        "DELETE FROM sessions USING replaced_sessions AS replaced
         WHERE sessions.created_at >= ?::TIMESTAMP_MS
           AND sessions.project_key = replaced.project_key
           AND sessions.id = replaced.id",
        [millis(since)],
    )?;
    connection.execute_batch("DROP TABLE replaced_sessions")?;
    append(connection, "sessions", record::sessions(rows, numbers)?)
}
