//! Profiles and groups as others copy them.

use std::collections::{BTreeMap, BTreeSet};

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use paneld_domain::{Group, Profile, ProjectKey};

use super::{
    Backend, Connection, Store,
    profiles::{self as stored, GroupRow, ProfileRow},
    schema::{profile_groups, profiles, projects},
    sizes,
};
use crate::{
    CopyOf, PeopleIds, RepositoryError, StoredPeople,
    portions::{self, Id},
};

/// As many ids as go into one statement. SQLite takes 32,766 values.
const IDS: usize = 10_000;

/// How many rows are read at once at most.
const PAGE: i64 = 5_000;

/// Reads a page of a table: the rows behind a key, by project and id, as many as have room in
/// memory.
macro_rules! page {
    ($store:ident, $table:ident, $row:ident, $size:path, $of:ident, $after:ident) => {{
        let behind = || {
            let mut rows = $table::table
                .order(($table::project_key, $table::id))
                .into_boxed::<Backend>();
            if let CopyOf::Project(project) = $of {
                rows = rows.filter($table::project_key.eq(project.0));
            }
            if let Some((project, id)) = $after.clone() {
                rows = rows.filter(
                    $table::project_key
                        .gt(project.0)
                        .or($table::project_key.eq(project.0).and($table::id.gt(id))),
                );
            }
            rows
        };
        let mut connection = $store.reader().await?;
        let sizes = behind()
            .select(sql::<BigInt>($size))
            .limit(PAGE)
            .load::<i64>(&mut connection)
            .await?;
        let fitting = portions::fitting(sizes.into_iter().map(sizes::bytes));
        let rows = behind()
            .select($row::as_select())
            .limit(i64::try_from(fitting).unwrap_or(PAGE))
            .load(&mut connection)
            .await?;
        let rows = rows.into_iter().map($row::with_project);
        rows.collect::<Result<Vec<_>, _>>()
    }};
}

impl Store {
    pub(crate) async fn split_people(
        &self,
        wanted: BTreeMap<ProjectKey, PeopleIds>,
    ) -> Result<Vec<BTreeMap<ProjectKey, PeopleIds>>, RepositoryError> {
        let mut connection = self.reader().await?;
        let mut people = Vec::new();
        for (project, ids) in wanted {
            let ids_of_profiles = with_named(&mut connection, project, ids.profiles).await?;
            let sizes = sizes::of_profiles(&mut connection, project, &ids_of_profiles).await?;
            people.extend(ids_of_profiles.into_iter().map(|id| {
                let size = sizes.get(&id).copied().unwrap_or_default();
                (project, Id::Profile(id), size)
            }));
            let ids_of_groups = ids.groups.into_iter().collect::<Vec<_>>();
            let sizes = sizes::of_groups(&mut connection, project, &ids_of_groups).await?;
            people.extend(ids_of_groups.into_iter().map(|id| {
                let size = sizes.get(&id).copied().unwrap_or_default();
                (project, Id::Group(id), size)
            }));
        }
        Ok(portions::portions_of_people(people))
    }

    pub(crate) async fn find_people(
        &self,
        wanted: BTreeMap<ProjectKey, PeopleIds>,
    ) -> Result<StoredPeople, RepositoryError> {
        let mut connection = self.reader().await?;
        let keys = wanted.keys().map(|project| project.0).collect::<Vec<_>>();
        let present = present_projects(&mut connection, &keys).await?;
        let mut people = StoredPeople::default();
        for (project, ids) in wanted {
            let profile_ids = with_named(&mut connection, project, ids.profiles).await?;
            if present.contains(&project.0) {
                let found = stored::find_profiles(&mut connection, project, &profile_ids).await?;
                let rows = found.into_values().map(|profile| (project, profile));
                people.profiles.extend(rows);
                let ids = ids.groups.iter().cloned().collect::<Vec<_>>();
                let found = stored::find_groups(&mut connection, project, &ids).await?;
                let rows = found.into_values().map(|group| (project, group));
                people.groups.extend(rows);
            }
            let looked_for = profile_ids.into_iter().map(|id| (project, id));
            people.profile_ids.extend(looked_for);
            let looked_for = ids.groups.into_iter().map(|id| (project, id));
            people.group_ids.extend(looked_for);
        }
        Ok(people)
    }

    pub(crate) async fn list_profiles_after(
        &self,
        of: CopyOf,
        after: Option<(ProjectKey, String)>,
    ) -> Result<Vec<(ProjectKey, Profile)>, RepositoryError> {
        page!(self, profiles, ProfileRow, sizes::PROFILE, of, after)
    }

    pub(crate) async fn list_groups_after(
        &self,
        of: CopyOf,
        after: Option<(ProjectKey, String)>,
    ) -> Result<Vec<(ProjectKey, Group)>, RepositoryError> {
        page!(self, profile_groups, GroupRow, sizes::GROUP, of, after)
    }
}

/// Those of these projects that are not purged. What is left of others is about to go.
async fn present_projects(
    connection: &mut Connection,
    keys: &[i64],
) -> Result<BTreeSet<i64>, RepositoryError> {
    let mut present = BTreeSet::new();
    for keys in keys.chunks(IDS) {
        let found = projects::table
            .filter(projects::key.eq_any(keys))
            .select(projects::key)
            .load::<i64>(connection)
            .await?;
        present.extend(found);
    }
    Ok(present)
}

/// These ids, and those of the profiles which they name.
async fn with_named(
    connection: &mut Connection,
    project: ProjectKey,
    ids: BTreeSet<String>,
) -> Result<Vec<String>, RepositoryError> {
    let given = ids.iter().cloned().collect::<Vec<_>>();
    let aliases = stored::find_aliases(connection, project, &given).await?;
    let named = aliases.into_values().map(|alias| alias.profile_id);
    let all = ids.into_iter().chain(named).collect::<BTreeSet<_>>();
    Ok(all.into_iter().collect())
}
