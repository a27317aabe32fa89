//! Profiles, groups and aliases as they are stored and read.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::{Group, Profile, ProjectKey, Timestamp};

use super::{
    Backend, Connection, Store,
    schema::{profile_aliases, profile_groups, profiles},
};
use crate::{RepositoryError, people::Alias, settings};

/// As many ids as go into one statement. SQLite takes 32,766 values.
const IDS: usize = 10_000;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = profiles, check_for_backend(Backend))]
pub(super) struct ProfileRow {
    project_key: i64,
    id: String,
    first_name: String,
    last_name: String,
    email: String,
    avatar: String,
    properties: String,
    group_ids: String,
    created_at: Timestamp,
    last_seen_at: Timestamp,
    left_out: i64,
}

impl ProfileRow {
    pub(super) fn new(project: ProjectKey, profile: Profile) -> Result<Self, RepositoryError> {
        Ok(Self {
            project_key: project.0,
            properties: settings::to_text(&profile.properties)?,
            group_ids: settings::to_text(&profile.groups)?,
            id: profile.id,
            first_name: profile.first_name,
            last_name: profile.last_name,
            email: profile.email,
            avatar: profile.avatar,
            created_at: profile.created_at,
            last_seen_at: profile.last_seen_at,
            left_out: count(profile.left_out),
        })
    }
}

impl ProfileRow {
    /// The profile, with the project it belongs to.
    pub(super) fn with_project(self) -> Result<(ProjectKey, Profile), RepositoryError> {
        Ok((ProjectKey(self.project_key), self.try_into()?))
    }
}

impl TryFrom<ProfileRow> for Profile {
    type Error = RepositoryError;

    fn try_from(row: ProfileRow) -> Result<Self, Self::Error> {
        Ok(Self {
            properties: settings::from_text(&row.properties)?,
            groups: settings::from_text(&row.group_ids)?,
            id: row.id,
            first_name: row.first_name,
            last_name: row.last_name,
            email: row.email,
            avatar: row.avatar,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            left_out: row.left_out.unsigned_abs(),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = profile_groups, check_for_backend(Backend))]
pub(super) struct GroupRow {
    project_key: i64,
    id: String,
    kind: String,
    name: String,
    properties: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    left_out: i64,
}

impl GroupRow {
    pub(super) fn new(project: ProjectKey, group: Group) -> Result<Self, RepositoryError> {
        Ok(Self {
            project_key: project.0,
            properties: settings::to_text(&group.properties)?,
            id: group.id,
            kind: group.kind,
            name: group.name,
            created_at: group.created_at,
            updated_at: group.updated_at,
            left_out: count(group.left_out),
        })
    }
}

impl GroupRow {
    /// The group, with the project it belongs to.
    pub(super) fn with_project(self) -> Result<(ProjectKey, Group), RepositoryError> {
        Ok((ProjectKey(self.project_key), self.try_into()?))
    }
}

impl TryFrom<GroupRow> for Group {
    type Error = RepositoryError;

    fn try_from(row: GroupRow) -> Result<Self, Self::Error> {
        Ok(Self {
            properties: settings::from_text(&row.properties)?,
            id: row.id,
            kind: row.kind,
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
            left_out: row.left_out.unsigned_abs(),
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = profile_aliases, check_for_backend(Backend))]
pub(super) struct AliasRow {
    project_key: i64,
    alias: String,
    profile_id: String,
    created_at: Timestamp,
    is_claimed: bool,
}

impl AliasRow {
    pub(super) fn new(project: ProjectKey, alias: String, named: Alias) -> Self {
        Self {
            project_key: project.0,
            alias,
            profile_id: named.profile_id,
            created_at: named.created_at,
            is_claimed: named.is_claimed,
        }
    }

    fn into_alias(self) -> (String, Alias) {
        let named = Alias {
            profile_id: self.profile_id,
            created_at: self.created_at,
            is_claimed: self.is_claimed,
        };
        (self.alias, named)
    }
}

impl Store {
    pub(crate) async fn get_profile(
        &self,
        project: ProjectKey,
        id: String,
    ) -> Result<Option<Profile>, RepositoryError> {
        let mut found = self.list_profiles_by_ids(project, vec![id]).await?;
        Ok(found.pop_first().map(|(_, profile)| profile))
    }

    pub(crate) async fn resolve_alias(
        &self,
        project: ProjectKey,
        id: String,
    ) -> Result<String, RepositoryError> {
        let found = profile_aliases::table
            .find((project.0, &id))
            .select(profile_aliases::profile_id)
            .first(&mut self.reader().await?)
            .await
            .optional()?;
        Ok(found.unwrap_or(id))
    }

    /// The id of a profile, and all its aliases but those that were only claimed.
    pub(crate) async fn list_profile_ids(
        &self,
        project: ProjectKey,
        id: String,
    ) -> Result<Vec<String>, RepositoryError> {
        let mut connection = self.reader().await?;
        let named = find_aliases(&mut connection, project, std::slice::from_ref(&id)).await?;
        let owner = named.into_values().find(|named| !named.is_claimed);
        let ids = vec![owner.map_or(id, |named| named.profile_id)];
        let mut aliases = find_aliases_of(&mut connection, project, &ids).await?;
        aliases.retain(|_, alias| !alias.is_claimed);
        Ok(ids.into_iter().chain(aliases.into_keys()).collect())
    }

    pub(crate) async fn list_profiles_by_ids(
        &self,
        project: ProjectKey,
        ids: Vec<String>,
    ) -> Result<BTreeMap<String, Profile>, RepositoryError> {
        let mut connection = self.reader().await?;
        let aliases = find_aliases(&mut connection, project, &ids).await?;
        let resolve = |id: &String| {
            aliases
                .get(id)
                .map_or(id, |alias| &alias.profile_id)
                .clone()
        };
        let resolved = ids.iter().map(resolve).collect::<Vec<_>>();
        let found = find_profiles(&mut connection, project, &resolved).await?;
        let profiles = ids.into_iter().filter_map(|id| {
            let profile = found.get(&resolve(&id))?.clone();
            Some((id, profile))
        });
        Ok(profiles.collect())
    }

    pub(crate) async fn get_group(
        &self,
        project: ProjectKey,
        id: String,
    ) -> Result<Option<Group>, RepositoryError> {
        let found = profile_groups::table
            .find((project.0, id))
            .select(GroupRow::as_select())
            .first(&mut self.reader().await?)
            .await
            .optional()?;
        found.map(Group::try_from).transpose()
    }
}

/// No number that is counted one by one is too big.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The profiles of these ids, aliases not followed.
pub(super) async fn find_profiles(
    connection: &mut Connection,
    project: ProjectKey,
    ids: &[String],
) -> Result<BTreeMap<String, Profile>, RepositoryError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(IDS) {
        let rows = profiles::table
            .filter(profiles::project_key.eq(project.0))
            .filter(profiles::id.eq_any(ids))
            .select(ProfileRow::as_select())
            .load(connection)
            .await?;
        for row in rows {
            found.insert(row.id.clone(), row.try_into()?);
        }
    }
    Ok(found)
}

/// The groups of these ids.
pub(super) async fn find_groups(
    connection: &mut Connection,
    project: ProjectKey,
    ids: &[String],
) -> Result<BTreeMap<String, Group>, RepositoryError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(IDS) {
        let rows = profile_groups::table
            .filter(profile_groups::project_key.eq(project.0))
            .filter(profile_groups::id.eq_any(ids))
            .select(GroupRow::as_select())
            .load(connection)
            .await?;
        for row in rows {
            found.insert(row.id.clone(), row.try_into()?);
        }
    }
    Ok(found)
}

/// Those of these ids that are aliases, and what they name.
pub(super) async fn find_aliases(
    connection: &mut Connection,
    project: ProjectKey,
    ids: &[String],
) -> Result<BTreeMap<String, Alias>, RepositoryError> {
    let mut found = BTreeMap::new();
    for ids in ids.chunks(IDS) {
        let rows = profile_aliases::table
            .filter(profile_aliases::project_key.eq(project.0))
            .filter(profile_aliases::alias.eq_any(ids))
            .select(AliasRow::as_select())
            .load(connection)
            .await?;
        found.extend(rows.into_iter().map(AliasRow::into_alias));
    }
    Ok(found)
}

/// The aliases of these profiles.
pub(super) async fn find_aliases_of(
    connection: &mut Connection,
    project: ProjectKey,
    profile_ids: &[String],
) -> Result<BTreeMap<String, Alias>, RepositoryError> {
    let mut found = BTreeMap::new();
    for profile_ids in profile_ids.chunks(IDS) {
        let rows = profile_aliases::table
            .filter(profile_aliases::project_key.eq(project.0))
            .filter(profile_aliases::profile_id.eq_any(profile_ids))
            .select(AliasRow::as_select())
            .load(connection)
            .await?;
        found.extend(rows.into_iter().map(AliasRow::into_alias));
    }
    Ok(found)
}
