//! Lists of profiles and groups, from the copies of them: `docs/contract/insights.md` §7.16 and
//! §7.18.

use clickhouse::{Client, Row, RowRead};
use paneld_analytics::{AnswerRoom, Cut, GroupsRequest, Paging, ProfilesRequest, Shown, SortOrder};
use paneld_domain::{Group, Profile, ProjectKey};

use super::{
    fault::Fault,
    lists::rows,
    rows::{GroupRow, ProfileRow},
    sql::{Dialect, Sql, groups_chosen, members_chosen, next_row, of_project, profiles_chosen},
    store::ClickHouseStore,
};
use crate::{EventsError, Members, Scope};

impl ClickHouseStore {
    pub(crate) async fn list_profiles(
        &self,
        scope: Scope,
        request: ProfilesRequest,
    ) -> Result<Vec<Shown<Profile>>, EventsError> {
        let chosen = profiles_chosen(Dialect::ClickHouse, &scope, &request);
        let order = match request.order {
            SortOrder::Ascending => "p.created_at, p.id",
            SortOrder::Descending => "p.created_at DESC, p.id DESC",
        };
        let rows = rows::<ProfileRow<'_>>("profiles", "p", chosen, order, request.paging);
        self.read(|client| shown::<ProfileRow<'_>, _>(client, &rows))
            .await
    }

    pub(crate) async fn list_group_types(
        &self,
        project: ProjectKey,
    ) -> Result<Vec<String>, EventsError> {
        let most = Paging::MOST;
        let groups = Dialect::ClickHouse.table("groups", "g");
        let types = Sql::new(&format!(
            "SELECT DISTINCT g.type AS type FROM {groups} WHERE "
        ))
        .add(of_project("g", project))
        .push(&format!(" ORDER BY type LIMIT {most}"));
        self.read(async |client| types.fetch(&client).await).await
    }

    pub(crate) async fn list_groups(
        &self,
        project: ProjectKey,
        request: GroupsRequest,
    ) -> Result<Vec<Shown<Group>>, EventsError> {
        let chosen = groups_chosen(Dialect::ClickHouse, project, &request);
        let order = "g.created_at DESC, g.id DESC";
        let rows = rows::<GroupRow<'_>>("groups", "g", chosen, order, request.paging);
        self.read(|client| shown::<GroupRow<'_>, _>(client, &rows))
            .await
    }

    pub(crate) async fn group_members(
        &self,
        project: ProjectKey,
        group_id: String,
        limit: u32,
    ) -> Result<Members, EventsError> {
        let chosen = || members_chosen(Dialect::ClickHouse, project, &group_id);
        let profiles = Dialect::ClickHouse.table("profiles", "p");
        let count = Sql::new(&format!("SELECT count() FROM {profiles} WHERE ")).add(chosen());
        let order = "p.created_at DESC, p.id DESC";
        let newest = rows::<ProfileRow<'_>>("profiles", "p", chosen(), order, Paging::first(limit));
        self.read(async |client| {
            Ok(Members {
                count: count.fetch_one(&client).await?,
                newest: shown::<ProfileRow<'_>, _>(client, &newest).await?,
            })
        })
        .await
    }
}

/// Rows, as far as there is room for them in an answer.
async fn shown<R, T>(client: Client, rows: &Sql) -> Result<Vec<Shown<T>>, Fault>
where
    R: Row + RowRead,
    T: Cut + for<'a> From<R::Value<'a>>,
{
    let mut cursor = rows.cursor::<R>(&client)?;
    let (mut all, mut room) = (Vec::new(), AnswerRoom::default());
    while let Some(row) = next_row(&mut cursor).await? {
        all.push(room.show(T::from(row)));
    }
    Ok(all)
}
