//! Lists of profiles and groups, from the copies of them: `docs/contract/insights.md` §7.16 and
//! §7.18.

use duckdb::{Connection, Row};
use paneld_analytics::{
    AnswerRoom, Cut, GroupsRequest, Paging, ProfilesRequest, Shown, SortOrder, Window,
};
use paneld_domain::{Group, Profile, ProjectKey};

use super::lists::WideTable;
use crate::{
    EventsError, Members, Scope,
    duckdb::{
        decode::{self, Stored},
        fault::Fault,
        overflow::{self, Owner},
        sql::{Conditions, Dialect, Sql, of_project, property},
        store::DuckDbStore,
    },
};

const PROFILES: WideTable = WideTable {
    name: "profiles",
    alias: "p",
    columns: decode::PROFILE,
};

const GROUPS: WideTable = WideTable {
    name: "groups",
    alias: "g",
    columns: decode::GROUP,
};

impl DuckDbStore {
    pub(crate) async fn list_profiles(
        &self,
        scope: Scope,
        request: ProfilesRequest,
    ) -> Result<Vec<Shown<Profile>>, EventsError> {
        self.read(move |connection| profiles(connection, &scope, &request))
            .await
    }

    pub(crate) async fn list_group_types(
        &self,
        project: ProjectKey,
    ) -> Result<Vec<String>, EventsError> {
        self.read(move |connection| group_types(connection, project))
            .await
    }

    pub(crate) async fn list_groups(
        &self,
        project: ProjectKey,
        request: GroupsRequest,
    ) -> Result<Vec<Shown<Group>>, EventsError> {
        self.read(move |connection| groups(connection, project, &request))
            .await
    }

    pub(crate) async fn group_members(
        &self,
        project: ProjectKey,
        group_id: String,
        limit: u32,
    ) -> Result<Members, EventsError> {
        self.read(move |connection| members(connection, project, &group_id, limit))
            .await
    }
}

fn profiles(
    connection: &Connection,
    scope: &Scope,
    request: &ProfilesRequest,
) -> Result<Vec<Shown<Profile>>, Fault> {
    let conditions = Conditions {
        dialect: Dialect::DuckDb,
        scope,
        window: Window::everything(),
        filters: &request.filters,
    };
    let mut all = vec![conditions.profiles()];
    for word in &request.words {
        let columns = ["p.id", "p.email", "p.first_name", "p.last_name"];
        all.push(Sql::any(columns.map(|column| has(column, word))));
    }
    if let Some(email) = &request.email {
        all.push(has("p.email", email));
    }
    for (key, value) in &request.properties {
        all.push(property("p.properties", key, value));
    }
    let events = || {
        Sql::new("(SELECT e.profile_id FROM events e WHERE ")
            .add(of_project("e", scope.key))
            .push(" AND ")
    };
    if let Some(since) = request.inactive_since {
        all.push(
            Sql::new("p.id NOT IN ")
                .add(events())
                .push("e.created_at >= ")
                .add(Sql::time(since))
                .push(")"),
        );
    }
    if let Some(name) = &request.performed {
        all.push(
            Sql::new("p.id IN ")
                .add(events())
                .push("e.name = ")
                .add(Sql::text(name))
                .push(")"),
        );
    }
    if let Some(least) = request.sessions {
        all.push(
            Sql::new("p.id IN (SELECT s.profile_id FROM sessions s WHERE ")
                .add(of_project("s", scope.key))
                .push(" GROUP BY s.profile_id HAVING count(*) >= ")
                .add(Sql::count(least))
                .push(")"),
        );
    }
    let order = match request.order {
        SortOrder::Ascending => "p.created_at, p.id",
        SortOrder::Descending => "p.created_at DESC, p.id DESC",
    };
    let chosen = Sql::all(all);
    let rows = PROFILES.rows(scope.key, chosen, order, request.paging);
    let snapshot = connection.unchecked_transaction()?;
    shown(&rows, &snapshot, scope.key, decode::profile)
}

fn group_types(connection: &Connection, project: ProjectKey) -> Result<Vec<String>, Fault> {
    let most = Paging::MOST;
    Sql::new("SELECT DISTINCT g.type FROM groups g WHERE ")
        .add(of_project("g", project))
        .push(&format!(" ORDER BY g.type LIMIT {most}"))
        .query(connection, |row| row.get(0))
}

fn groups(
    connection: &Connection,
    project: ProjectKey,
    request: &GroupsRequest,
) -> Result<Vec<Shown<Group>>, Fault> {
    let mut all = vec![of_project("g", project)];
    if let Some(kind) = &request.kind {
        all.push(Sql::new("g.type = ").add(Sql::text(kind)));
    }
    if let Some(search) = &request.search {
        let columns = ["g.name", "g.id"];
        all.push(Sql::any(columns.map(|column| has(column, search))));
    }
    let order = "g.created_at DESC, g.id DESC";
    let chosen = Sql::all(all);
    let rows = GROUPS.rows(project, chosen, order, request.paging);
    let snapshot = connection.unchecked_transaction()?;
    shown(&rows, &snapshot, project, decode::group)
}

fn members(
    connection: &Connection,
    project: ProjectKey,
    group_id: &str,
    limit: u32,
) -> Result<Members, Fault> {
    let belongs = of_project("p", project)
        .push(" AND list_contains(p.groups, ")
        .add(Sql::text(group_id))
        .push(")");
    // Both answers are of the same moment.
    let snapshot = connection.unchecked_transaction()?;
    let count = Sql::new("SELECT count(*) FROM profiles p WHERE ").add(belongs.clone());
    let order = "p.created_at DESC, p.id DESC";
    let paging = Paging::first(limit);
    let newest = PROFILES.rows(project, belongs, order, paging);
    Ok(Members {
        count: count.query_row(&snapshot, |row| row.get(0))?,
        newest: shown(&newest, &snapshot, project, decode::profile)?,
    })
}

/// Rows, as far as there is room for them in an answer. The connection is in a transaction: rows
/// and their overflow are of the same moment.
fn shown<T: Cut + Owner>(
    rows: &Sql,
    connection: &Connection,
    project: ProjectKey,
    decode: fn(&Row<'_>) -> duckdb::Result<Stored<T>>,
) -> Result<Vec<Shown<T>>, Fault> {
    let mut rows = rows.query(connection, decode)?;
    let mut bytes = 0;
    for stored in &mut rows {
        let room = bytes < AnswerRoom::MOST_BYTES;
        bytes = bytes.saturating_add(stored.whole_bytes());
        // What is cut off anyway is not looked for.
        stored.overflow *= u64::from(room);
    }
    let rows = overflow::complete(connection, project, rows, usize::MAX)?;
    let mut room = AnswerRoom::default();
    Ok(rows.into_iter().map(|row| room.show(row)).collect())
}

/// That a text is somewhere in a column, in any case.
fn has(column: &str, text: &str) -> Sql {
    Sql::new(&format!("contains(lower({column}), lower("))
        .add(Sql::text(text))
        .push("))")
}
