//! Removing what must not be kept.

use duckdb::{Connection, params, params_from_iter, types::Value};
use paneld_domain::{ProjectKey, Timestamp};

use crate::{
    Erased,
    duckdb::{
        fault::Fault,
        sql::moment,
        write::{removals, views},
    },
};

/// The rows of profile `$2` in project `$1`: its own, and those of nobody on devices it used.
macro_rules! of_profile {
    () => {
        "project_key = $1 AND (profile_id = $2 OR (profile_id = device_id AND device_id IN (
            SELECT device_id FROM events
            WHERE project_key = $1 AND profile_id = $2 AND device_id <> '')))"
    };
}

const ERASE_REPLAYS: &str = concat!(
    "DELETE FROM replay_chunks WHERE project_key = $1 AND session_id IN (
        SELECT id FROM sessions WHERE ",
    of_profile!(),
    " UNION ALL SELECT session_id FROM events WHERE ",
    of_profile!(),
    ")"
);
const ERASE_SESSIONS: &str = concat!("DELETE FROM sessions WHERE ", of_profile!());
const ERASE_OVERFLOW: &str = concat!(
    "DELETE FROM event_overflow WHERE project_key = $1 AND number IN (
        SELECT overflow FROM events WHERE overflow <> 0 AND ",
    of_profile!(),
    ")"
);
const ERASE_EVENTS: &str = concat!("DELETE FROM events WHERE ", of_profile!());

/// The sessions of which some views go, and may be not all.
const SHARED_SESSIONS: &str = concat!(
    "SELECT session_id, min(epoch_ms(created_at)), max(epoch_ms(created_at)) FROM events
    WHERE project_key = $1 AND name = 'screen_view' AND session_id IN (
        SELECT session_id FROM events WHERE session_id <> '' AND ",
    of_profile!(),
    ") GROUP BY session_id"
);

/// The sessions that began before a time and went on after it.
const CUT_SESSIONS: &str = "SELECT id, epoch_ms(created_at), epoch_ms(ended_at) FROM sessions
    WHERE project_key = ? AND created_at < ?::TIMESTAMP_MS AND ended_at >= ?::TIMESTAMP_MS";

/// The tables whose rows go when their time has come; recordings have a time of their own.
const FORGET: &[&str] = &[
    "DELETE FROM event_overflow WHERE project_key = $1 AND number IN (SELECT overflow FROM events
        WHERE overflow <> 0 AND project_key = $1 AND created_at < $2::TIMESTAMP_MS)",
    "DELETE FROM events WHERE project_key = $1 AND created_at < $2::TIMESTAMP_MS",
    "DELETE FROM sessions WHERE project_key = $1 AND created_at < $2::TIMESTAMP_MS",
    "DELETE FROM bot_visits WHERE project_key = $1 AND created_at < $2::TIMESTAMP_MS",
];

const FORGET_REPLAYS: &str =
    "DELETE FROM replay_chunks WHERE project_key = ? AND started_at < ?::TIMESTAMP_MS";

const PURGE: &[&str] = &[
    "DELETE FROM event_overflow WHERE project_key = ?",
    "DELETE FROM events WHERE project_key = ?",
    "DELETE FROM sessions WHERE project_key = ?",
    "DELETE FROM bot_visits WHERE project_key = ?",
    "DELETE FROM replay_chunks WHERE project_key = ?",
];

/// Removes everything of a profile, and counts it.
pub(crate) fn erase_profile(
    connection: &Connection,
    project: ProjectKey,
    profile_id: &str,
) -> Result<Erased, Fault> {
    let values = [Value::BigInt(project.0), Value::Text(profile_id.to_owned())];
    views::mend_after(connection, project, SHARED_SESSIONS, &values, || {
        let erase = |sql| connection.execute(sql, params_from_iter(&values));
        // In this order: recordings are found by sessions and events, both by the devices in
        // events, and what has no room in an event's row by that.
        erase(ERASE_REPLAYS)?;
        let sessions = erase(ERASE_SESSIONS)? as u64;
        erase(ERASE_OVERFLOW)?;
        let events = erase(ERASE_EVENTS)? as u64;
        removals::note(connection)?;
        Ok(Erased { events, sessions })
    })
}

/// Removes what is old; whether there were events or sessions.
pub(crate) fn forget(
    connection: &Connection,
    project: ProjectKey,
    events_before: Option<Timestamp>,
    replays_before: Timestamp,
) -> Result<bool, Fault> {
    let mut removed = 0;
    if let Some(before) = events_before {
        let values = [Value::BigInt(project.0), moment(before), moment(before)];
        views::mend_after(connection, project, CUT_SESSIONS, &values, || {
            for sql in FORGET {
                removed += connection.execute(sql, params![project.0, moment(before)])?;
            }
            Ok(())
        })?;
    }
    let replays = connection.execute(FORGET_REPLAYS, params![project.0, moment(replays_before)])?;
    if removed + replays > 0 {
        removals::note(connection)?;
    }
    Ok(removed > 0)
}

/// Removes everything of a project.
pub(crate) fn purge(connection: &Connection, project: ProjectKey) -> Result<(), Fault> {
    for sql in PURGE {
        connection.execute(sql, [project.0])?;
    }
    removals::note(connection)
}
