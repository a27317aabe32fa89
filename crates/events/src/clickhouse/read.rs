//! What use cases ask beside reports: of everybody, and of single profiles.

use std::collections::{HashMap, HashSet};

use paneld_analytics::{Window, count_days};
use paneld_domain::{Event, ProjectKey, Session, Timestamp, Zone};

use super::{
    lists::selected,
    rows::{EventRow, SessionRow},
    sql::{Dialect, Sql, in_window, moment, of_project},
    store::ClickHouseStore,
};
use crate::{EventsError, ProfileNumbers};

/// So many ids go into one statement.
const IDS: usize = 1_000;

/// So many sessions of devices are read at once.
const MOST_SESSIONS: usize = 4_000;

impl ClickHouseStore {
    pub(crate) async fn count_visitors(
        &self,
        project: ProjectKey,
        window: Window,
    ) -> Result<u64, EventsError> {
        let count = Sql::new("SELECT uniqExact(e.visitor) FROM events e WHERE e.visitor <> 0 AND ")
            .add(of_project("e", project))
            .push(" AND ")
            .add(in_window("e", window));
        self.read(async |client| count.fetch_one(&client).await)
            .await
    }

    pub(crate) async fn count_events(&self) -> Result<HashMap<ProjectKey, u64>, EventsError> {
        let counts = Sql::new("SELECT project_key, count() FROM events GROUP BY project_key");
        self.read(async |client| {
            let counts = counts.fetch::<(i64, u64)>(&client).await?.into_iter();
            Ok(counts
                .map(|(key, count)| (ProjectKey(key), count))
                .collect())
        })
        .await
    }

    pub(crate) async fn list_projects(&self) -> Result<HashSet<ProjectKey>, EventsError> {
        let keys = Sql::new(
            "SELECT DISTINCT project_key FROM events
            UNION DISTINCT SELECT project_key FROM sessions
            UNION DISTINCT SELECT project_key FROM bot_visits
            UNION DISTINCT SELECT project_key FROM replay_chunks
            UNION DISTINCT SELECT project_key FROM profiles FINAL
            UNION DISTINCT SELECT project_key FROM groups FINAL",
        );
        self.read(async |client| {
            let keys = keys.fetch::<i64>(&client).await?;
            Ok(keys.into_iter().map(ProjectKey).collect())
        })
        .await
    }

    pub(crate) async fn profile_devices(
        &self,
        project: ProjectKey,
        profile_id: String,
        most: usize,
    ) -> Result<Vec<String>, EventsError> {
        let devices = Sql::new("SELECT e.device_id FROM events e WHERE e.device_id <> '' AND ")
            .add(of_profile("e", project, &profile_id))
            .push(" GROUP BY e.device_id ORDER BY max(e.created_at) DESC LIMIT ")
            .add(Sql::count(most as u64));
        self.read(async |client| devices.fetch(&client).await).await
    }

    pub(crate) async fn profile_events(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Event>, EventsError> {
        let chosen = of_profile("e", project, &profile_id);
        let rows = selected::<EventRow<'_>>("events", "e", chosen)
            .push(" ORDER BY e.created_at DESC, e.id LIMIT ")
            .add(Sql::count(limit.into()));
        self.read(async |client| rows.fetch_wide::<EventRow<'_>, _>(&client).await)
            .await
    }

    pub(crate) async fn profile_sessions(
        &self,
        project: ProjectKey,
        profile_id: String,
        limit: u32,
    ) -> Result<Vec<Session>, EventsError> {
        let chosen = of_profile("s", project, &profile_id);
        let rows = selected::<SessionRow<'_>>("sessions", "s", chosen)
            .push(" ORDER BY s.created_at DESC, s.id LIMIT ")
            .add(Sql::count(limit.into()));
        self.read(async |client| rows.fetch_wide::<SessionRow<'_>, _>(&client).await)
            .await
    }

    pub(crate) async fn device_sessions(
        &self,
        project: ProjectKey,
        devices: Vec<String>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Session>, EventsError> {
        let of_devices = |devices: &[String], most: usize| {
            let lasted = Sql::new("s.created_at <= ")
                .add(Sql::time(to))
                .push(" AND s.ended_at >= ")
                .add(Sql::time(from));
            let devices = devices.iter().map(String::as_str);
            let chosen = [
                of_project("s", project),
                lasted,
                Sql::new("s.device_id").among(devices),
            ];
            selected::<SessionRow<'_>>("sessions", "s", Sql::all(chosen))
                .push(" ORDER BY s.created_at DESC, s.id LIMIT ")
                .add(Sql::count(most as u64))
        };
        self.read(async |client| {
            let mut sessions = Vec::new();
            for devices in devices.chunks(IDS) {
                let rows = of_devices(devices, MOST_SESSIONS - sessions.len());
                let found = rows.fetch_wide::<SessionRow<'_>, Session>(&client).await?;
                sessions.extend(found);
            }
            sessions.sort_by_key(|session: &Session| session.created_at);
            Ok(sessions)
        })
        .await
    }

    pub(crate) async fn profile_numbers(
        &self,
        project: ProjectKey,
        profile_id: String,
        zone: Zone,
    ) -> Result<ProfileNumbers, EventsError> {
        let of_events = Sql::new(
            "SELECT count(), countIf(name = 'session_start'), countIf(name = 'screen_view'),
                countIf(name NOT IN ('screen_view', 'session_start', 'session_end')),
                avgOrNullIf(duration, name = 'session_end' AND duration > 0),
                if(countIf(name = 'session_end' AND duration > 0) = 0, NULL,
                    quantileExactInclusiveIf(0.9)(
                        toFloat64(duration), name = 'session_end' AND duration > 0)),
                toUInt64(least(sumIf(toUInt128(revenue), name = 'revenue'),
                    18446744073709551615))
            FROM events e WHERE ",
        )
        .add(of_profile("e", project, &profile_id));
        let sessions = Dialect::ClickHouse.table("sessions", "s");
        let of_sessions = Sql::new(&format!(
            "SELECT count(), countIf(s.is_bounce) FROM {sessions} WHERE "
        ))
        .add(of_profile("s", project, &profile_id));
        // Zones differ by whole minutes, and many events happen in the same one.
        let minutes = Sql::new(
            "SELECT DISTINCT intDiv(toUnixTimestamp64Milli(e.created_at), 60000)
            FROM events e WHERE ",
        )
        .add(of_profile("e", project, &profile_id));
        self.read(async |client| {
            let (
                events,
                session_starts,
                screen_views,
                conversions,
                mean_session_ms,
                p90_session_ms,
                revenue,
            ) = of_events
                .fetch_one::<(u64, u64, u64, u64, Option<f64>, Option<f64>, u64)>(&client)
                .await?;
            let (sessions, bounces) = of_sessions.fetch_one::<(u64, u64)>(&client).await?;
            let minutes = minutes.fetch::<i64>(&client).await?.into_iter();
            let moments = minutes.map(|minute| moment(minute * 60_000));
            Ok(ProfileNumbers {
                events,
                session_starts,
                screen_views,
                conversions,
                active_days: count_days(moments, zone) as u64,
                mean_session_ms,
                p90_session_ms,
                revenue,
                sessions,
                bounces,
            })
        })
        .await
    }
}

/// That a row has a profile's id.
fn of_profile(alias: &str, project: ProjectKey, profile_id: &str) -> Sql {
    of_project(alias, project)
        .push(&format!(" AND {alias}.profile_id = "))
        .add(Sql::text(profile_id))
}
