//! Lists of events and sessions, and what is in them: `docs/contract/insights.md` §7.14, §7.15 and
//! §7.17.

use duckdb::Connection;
use paneld_analytics::{EventsRequest, Paging, SessionsRequest};
use paneld_domain::{Event, ProjectKey, Session};

use crate::{
    EventsError, Scope,
    duckdb::{
        decode,
        fault::Fault,
        overflow,
        sql::{Dialect, Sql, events_chosen, of_project, sessions_chosen},
        store::DuckDbStore,
    },
};

impl DuckDbStore {
    pub(crate) async fn find_events(
        &self,
        scope: Scope,
        request: EventsRequest,
    ) -> Result<Vec<Event>, EventsError> {
        self.read(move |connection| events(connection, &scope, &request))
            .await
    }

    pub(crate) async fn find_sessions(
        &self,
        scope: Scope,
        request: SessionsRequest,
    ) -> Result<Vec<Session>, EventsError> {
        self.read(move |connection| sessions(connection, &scope, &request))
            .await
    }

    pub(crate) async fn event_names(
        &self,
        project: ProjectKey,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        self.read(move |connection| names(connection, project, limit))
            .await
    }

    pub(crate) async fn property_keys(
        &self,
        project: ProjectKey,
        event: Option<String>,
        limit: u32,
    ) -> Result<Vec<(String, String)>, EventsError> {
        self.read(move |connection| property_keys(connection, project, event.as_deref(), limit))
            .await
    }

    pub(crate) async fn property_values(
        &self,
        project: ProjectKey,
        event: String,
        key: String,
        limit: u32,
    ) -> Result<Vec<String>, EventsError> {
        self.read(move |connection| property_values(connection, project, &event, &key, limit))
            .await
    }
}

fn events(
    connection: &Connection,
    scope: &Scope,
    request: &EventsRequest,
) -> Result<Vec<Event>, Fault> {
    let chosen = events_chosen(Dialect::DuckDb, scope, request);
    let order = "e.created_at DESC, e.id";
    let rows = EVENTS.rows(scope.key, chosen, order, request.paging);
    // Rows and their overflow are of the same moment.
    let snapshot = connection.unchecked_transaction()?;
    overflow::events(&snapshot, scope.key, &rows)
}

fn sessions(
    connection: &Connection,
    scope: &Scope,
    request: &SessionsRequest,
) -> Result<Vec<Session>, Fault> {
    let chosen = sessions_chosen(Dialect::DuckDb, scope, request);
    let order = "s.created_at DESC, s.id";
    SESSIONS
        .rows(scope.key, chosen, order, request.paging)
        .query_rows(connection, decode::session)
}

/// A table with many columns, some of them wide.
pub(super) struct WideTable {
    pub(super) name: &'static str,
    /// What conditions call it.
    pub(super) alias: &'static str,
    /// Those that are shown.
    pub(super) columns: &'static str,
}

const EVENTS: WideTable = WideTable {
    name: "events",
    alias: "e",
    columns: decode::EVENT,
};

const SESSIONS: WideTable = WideTable {
    name: "sessions",
    alias: "s",
    columns: decode::SESSION,
};

impl WideTable {
    /// A part of the rows of a project that are chosen. What sorts them and tells which are chosen
    /// is read of all; the other columns, among them maps, only of those that are shown, and not,
    /// as they would be if the project were not named twice, of everybody's rows between them.
    pub(super) fn rows(
        &self,
        project: ProjectKey,
        chosen: Sql,
        order: &str,
        paging: Paging,
    ) -> Sql {
        let Self {
            name,
            alias,
            columns,
        } = self;
        Sql::new(&format!("SELECT {columns} FROM {name} {alias} WHERE "))
            .add(of_project(alias, project))
            .push(&format!(
                " AND rowid IN (SELECT rowid FROM {name} {alias} WHERE "
            ))
            .add(chosen)
            .push(&format!(" ORDER BY {order} LIMIT "))
            .add(Sql::count(paging.limit.into()))
            .push(" OFFSET ")
            .add(Sql::count(paging.offset))
            .push(&format!(") ORDER BY {order}"))
    }
}

fn names(connection: &Connection, project: ProjectKey, limit: u32) -> Result<Vec<String>, Fault> {
    Sql::new("SELECT e.name FROM events e WHERE ")
        .add(of_project("e", project))
        .push(" GROUP BY e.name ORDER BY count(*) DESC, e.name LIMIT ")
        .add(Sql::count(limit.into()))
        .query(connection, |row| row.get(0))
}

fn property_keys(
    connection: &Connection,
    project: ProjectKey,
    event: Option<&str>,
    limit: u32,
) -> Result<Vec<(String, String)>, Fault> {
    let mut chosen = vec![of_project("e", project)];
    chosen.extend(event.map(|name| Sql::new("e.name = ").add(Sql::text(name))));
    Sql::new("SELECT DISTINCT unnest(map_keys(e.properties)) AS key, e.name FROM events e WHERE ")
        .add(Sql::all(chosen))
        .push(" ORDER BY key, e.name LIMIT ")
        .add(Sql::count(limit.into()))
        .query(connection, |row| Ok((row.get(0)?, row.get(1)?)))
}

fn property_values(
    connection: &Connection,
    project: ProjectKey,
    event: &str,
    key: &str,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    Sql::new("SELECT value FROM (SELECT e.created_at, e.properties[")
        .add(Sql::text(key))
        .push("] AS value FROM events e WHERE ")
        .add(of_project("e", project))
        .push(" AND e.name = ")
        .add(Sql::text(event))
        .push(
            ") WHERE value <> '' GROUP BY value
            ORDER BY max(created_at) DESC, value LIMIT ",
        )
        .add(Sql::count(limit.into()))
        .query(connection, |row| row.get(0))
}
