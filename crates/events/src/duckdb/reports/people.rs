//! Lists of profiles and groups, from the copies of them: `docs/contract/insights.md` §7.16 and
//! §7.18.

use duckdb::{Connection, Row};
use paneld_analytics::{AnswerRoom, Cut, GroupsRequest, Paging, ProfilesRequest, Shown, SortOrder};
use paneld_domain::{Group, Profile, ProjectKey};

use super::lists::WideTable;
use crate::{
    EventsError, Members, Scope,
    duckdb::{
        decode::{self, Stored},
        fault::Fault,
        overflow::{self, Owner},
        sql::{Dialect, Sql, groups_chosen, members_chosen, of_project, profiles_chosen},
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
    let chosen = profiles_chosen(Dialect::DuckDb, scope, request);
    let order = match request.order {
        SortOrder::Ascending => "p.created_at, p.id",
        SortOrder::Descending => "p.created_at DESC, p.id DESC",
    };
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
    let chosen = groups_chosen(Dialect::DuckDb, project, request);
    let order = "g.created_at DESC, g.id DESC";
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
    let belongs = members_chosen(Dialect::DuckDb, project, group_id);
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
