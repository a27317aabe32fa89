//! How big rows of people are, without reading them.

use std::collections::HashMap;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use paneld_domain::ProjectKey;

use super::{
    Connection, profiles as stored,
    schema::{profile_groups, profiles},
};
use crate::{RepositoryError, people::Mentions, portions::Sizes};

/// As many ids as go into one statement. SQLite takes 32,766 values.
const IDS: usize = 10_000;

/// The size of a row of profiles.
pub(super) const PROFILE: &str = "CAST(octet_length(properties) + octet_length(group_ids) \
    + octet_length(first_name) + octet_length(last_name) + octet_length(email) \
    + octet_length(avatar) AS BIGINT)";
/// The size of a row of groups.
pub(super) const GROUP: &str =
    "CAST(octet_length(properties) + octet_length(kind) + octet_length(name) AS BIGINT)";

/// The sizes of all rows that changes of these ids touch.
pub(super) async fn of_mentions(
    connection: &mut Connection,
    project: ProjectKey,
    mentions: &Mentions,
) -> Result<Sizes, RepositoryError> {
    let mentioned = mentions.profiles.union(&mentions.renamed);
    let mut ids = mentioned.cloned().collect::<Vec<_>>();
    let aliases = stored::find_aliases(connection, project, &ids).await?;
    ids.extend(aliases.values().map(|alias| alias.profile_id.clone()));
    let mut sizes = of_profiles(connection, project, &ids).await?;
    for (alias, named) in aliases {
        let size = sizes.get(&named.profile_id).copied().unwrap_or_default();
        *sizes.entry(alias).or_default() += size;
    }
    let groups = mentions.groups.iter().cloned().collect::<Vec<_>>();
    Ok(Sizes {
        profiles: sizes,
        groups: of_groups(connection, project, &groups).await?,
    })
}

/// The sizes of these profiles, as far as they are there.
pub(super) async fn of_profiles(
    connection: &mut Connection,
    project: ProjectKey,
    ids: &[String],
) -> Result<HashMap<String, usize>, RepositoryError> {
    let mut sizes = HashMap::new();
    for ids in ids.chunks(IDS) {
        let rows = profiles::table
            .filter(profiles::project_key.eq(project.0))
            .filter(profiles::id.eq_any(ids))
            .select((profiles::id, sql::<BigInt>(PROFILE)))
            .load::<(String, i64)>(connection)
            .await?;
        sizes.extend(rows.into_iter().map(|(id, size)| (id, bytes(size))));
    }
    Ok(sizes)
}

/// The sizes of these groups, as far as they are there.
pub(super) async fn of_groups(
    connection: &mut Connection,
    project: ProjectKey,
    ids: &[String],
) -> Result<HashMap<String, usize>, RepositoryError> {
    let mut sizes = HashMap::new();
    for ids in ids.chunks(IDS) {
        let rows = profile_groups::table
            .filter(profile_groups::project_key.eq(project.0))
            .filter(profile_groups::id.eq_any(ids))
            .select((profile_groups::id, sql::<BigInt>(GROUP)))
            .load::<(String, i64)>(connection)
            .await?;
        sizes.extend(rows.into_iter().map(|(id, size)| (id, bytes(size))));
    }
    Ok(sizes)
}

/// A size as databases tell it.
pub(super) fn bytes(size: i64) -> usize {
    usize::try_from(size).unwrap_or(0)
}
