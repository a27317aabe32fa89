//! Questions to the store. Each takes the connection of a reader, and may be interrupted.

use std::collections::{HashMap, HashSet};

use duckdb::{Connection, params};
use paneld_analytics::{Window, count_days};
use paneld_domain::{Event, ProjectKey, Session, Timestamp, Zone};

use crate::{
    ProfileNumbers,
    duckdb::{
        decode,
        fault::Fault,
        overflow,
        sql::{Sql, Value, moment, time},
    },
};

/// How many people, known or not, did something in a window.
pub(crate) fn count_visitors(
    connection: &Connection,
    project: ProjectKey,
    window: Window,
) -> Result<u64, Fault> {
    let sql = "SELECT count(DISTINCT visitor) FROM events
        WHERE project_key = ? AND created_at >= ?::TIMESTAMP_MS AND created_at < ?::TIMESTAMP_MS
            AND visitor <> 0";
    let values = params![project.0, moment(window.start), moment(window.end)];
    Ok(connection.query_row(sql, values, |row| row.get(0))?)
}

/// How many events each project has, if any.
pub(crate) fn count_events(connection: &Connection) -> Result<HashMap<ProjectKey, u64>, Fault> {
    let sql = "SELECT project_key, count(*) FROM events GROUP BY project_key";
    let mut statement = connection.prepare(sql)?;
    let counts = statement.query_map([], |row| Ok((ProjectKey(row.get(0)?), row.get(1)?)))?;
    Ok(counts.collect::<duckdb::Result<_>>()?)
}

/// The projects of which there is anything.
pub(crate) fn list_projects(connection: &Connection) -> Result<HashSet<ProjectKey>, Fault> {
    let sql = "SELECT project_key FROM events UNION SELECT project_key FROM sessions
        UNION SELECT project_key FROM bot_visits UNION SELECT project_key FROM replay_chunks
        UNION SELECT project_key FROM profiles UNION SELECT project_key FROM groups
        UNION SELECT project_key FROM event_overflow UNION SELECT project_key FROM profile_overflow
        UNION SELECT project_key FROM group_overflow";
    let mut statement = connection.prepare(sql)?;
    let keys = statement.query_map([], |row| Ok(ProjectKey(row.get(0)?)))?;
    Ok(keys.collect::<duckdb::Result<_>>()?)
}

/// The devices on which the profile did something: so many at most, those it used last.
pub(crate) fn profile_devices(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
    most: usize,
) -> Result<Vec<String>, Fault> {
    let sql = "SELECT device_id FROM events
        WHERE project_key = ? AND profile_id = ? AND device_id <> ''
        GROUP BY device_id ORDER BY max(created_at) DESC LIMIT ?";
    let mut statement = connection.prepare(sql)?;
    let parameters = params![project.0, profile_id, most as u64];
    let devices = statement.query_map(parameters, |row| row.get(0))?;
    Ok(devices.collect::<duckdb::Result<_>>()?)
}

/// The newest events that have the profile's id.
pub(crate) fn profile_events(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
    limit: u32,
) -> Result<Vec<Event>, Fault> {
    let columns = decode::EVENT;
    let sql = format!(
        "SELECT {columns} FROM events WHERE project_key = ? AND profile_id = ? \
         ORDER BY created_at DESC, id LIMIT ?"
    );
    let rows = Sql::with(&sql, of_profile(project, profile_id, limit));
    // Rows and their overflow are of the same moment.
    let snapshot = connection.unchecked_transaction()?;
    overflow::events(&snapshot, project, &rows)
}

/// The newest sessions that have the profile's id.
pub(crate) fn profile_sessions(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
    limit: u32,
) -> Result<Vec<Session>, Fault> {
    let columns = decode::SESSION;
    let sql = format!(
        "SELECT {columns} FROM sessions WHERE project_key = ? AND profile_id = ? \
         ORDER BY created_at DESC, id LIMIT ?"
    );
    Sql::with(&sql, of_profile(project, profile_id, limit)).query_rows(connection, decode::session)
}

/// So many ids go into one statement.
const IDS: usize = 1_000;

/// So many sessions of devices are read at once: 80 MB, were all of them as big as can be.
const MOST_SESSIONS: usize = 4_000;

/// The sessions of these devices that lasted into this time, in the order of time; the latest of
/// very many.
pub(crate) fn device_sessions(
    connection: &Connection,
    project: ProjectKey,
    devices: &[String],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Session>, Fault> {
    let mut sessions = Vec::new();
    for devices in devices.chunks(IDS) {
        let most = MOST_SESSIONS - sessions.len();
        let columns = decode::SESSION;
        let marks = vec!["?"; devices.len()].join(", ");
        let sql = format!(
            "SELECT {columns} FROM sessions WHERE project_key = ? \
             AND created_at <= ? AND ended_at >= ? \
             AND device_id IN ({marks}) ORDER BY created_at DESC, id LIMIT {most}"
        );
        let mut values = vec![Value::Integer(project.0), time(to), time(from)];
        values.extend(devices.iter().cloned().map(Value::Text));
        sessions.extend(Sql::with(&sql, values).query_rows(connection, decode::session)?);
    }
    sessions.sort_by_key(|session: &Session| session.created_at);
    Ok(sessions)
}

fn of_profile(project: ProjectKey, profile_id: &str, limit: u32) -> [Value; 3] {
    let id = Value::Text(profile_id.to_owned());
    [Value::Integer(project.0), id, Value::Count(limit.into())]
}

/// What can be counted of a profile.
pub(crate) fn profile_numbers(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
    zone: Zone,
) -> Result<ProfileNumbers, Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let of_events = "SELECT
            count(*),
            count(*) FILTER (name = 'session_start'),
            count(*) FILTER (name = 'screen_view'),
            count(*) FILTER (name NOT IN ('screen_view', 'session_start', 'session_end')),
            avg(duration) FILTER (name = 'session_end' AND duration > 0),
            quantile_cont(duration::DOUBLE, 0.9)
                FILTER (name = 'session_end' AND duration > 0),
            coalesce(sum(revenue) FILTER (name = 'revenue'), 0)
        FROM events WHERE project_key = ? AND profile_id = ?";
    let of_sessions = "SELECT count(*), count(*) FILTER (is_bounce)
        FROM sessions WHERE project_key = ? AND profile_id = ?";
    let values = params![project.0, profile_id];
    let mut numbers = snapshot.query_row(of_events, values, |row| {
        let revenue: i128 = row.get(6)?;
        Ok(ProfileNumbers {
            events: row.get(0)?,
            session_starts: row.get(1)?,
            screen_views: row.get(2)?,
            conversions: row.get(3)?,
            mean_session_ms: row.get(4)?,
            p90_session_ms: row.get(5)?,
            // A sum that no number holds is as good as the largest.
            revenue: u64::try_from(revenue).unwrap_or(u64::MAX),
            ..ProfileNumbers::default()
        })
    })?;
    (numbers.sessions, numbers.bounces) =
        snapshot.query_row(of_sessions, values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    numbers.active_days = active_days(&snapshot, project, profile_id, zone)?;
    Ok(numbers)
}

/// Zones differ by whole minutes, and many events happen in the same one.
fn active_days(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
    zone: Zone,
) -> Result<u64, Fault> {
    let sql = "SELECT DISTINCT epoch_ms(created_at) // 60000 FROM events
        WHERE project_key = ? AND profile_id = ?";
    let mut statement = connection.prepare(sql)?;
    let minutes = statement.query_map(params![project.0, profile_id], |row| row.get(0))?;
    let minutes = minutes.collect::<duckdb::Result<Vec<i64>>>()?;
    let moments = minutes.into_iter();
    let moments = moments.filter_map(|minute| Timestamp::from_timestamp_millis(minute * 60_000));
    Ok(count_days(moments, zone) as u64)
}
