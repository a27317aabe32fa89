//! Copies of what the catalog keeps of people. Each is a version of its row; who is gone is a
//! version, too.

use std::collections::HashSet;

use clickhouse::Client;
use paneld_domain::ProjectKey;

use super::remove::{delete, of_project};
use crate::{
    EventsError, PeopleCopies, PeopleRows,
    clickhouse::{
        fault::Fault,
        insert::insert,
        rows::{GroupRow, ProfileRow},
        sql::{Sql, Value},
        store::ClickHouseStore,
        writer::Writer,
    },
};

const TABLES: [&str; 2] = ["profiles", "groups"];

impl ClickHouseStore {
    pub(crate) async fn copy_people(&self, copies: PeopleCopies) -> Result<(), EventsError> {
        let mut writer = self.writer().await?;
        self.inner.written(writer.copy(&copies).await)
    }

    pub(crate) async fn begin_new_copies(&self) -> Result<ClickHouseCopies, EventsError> {
        Ok(ClickHouseCopies {
            version: self.writer().await?.version(),
            store: self.clone(),
        })
    }
}

/// Copies that take the place of all earlier ones, of everybody or of a project. They are what the
/// catalog says now, so that they count as soon as they are there; what they leave out goes at the
/// end.
pub(crate) struct ClickHouseCopies {
    store: ClickHouseStore,
    /// All of theirs have this or a higher one.
    version: u64,
}

impl ClickHouseCopies {
    pub(crate) async fn add(&self, rows: PeopleRows) -> Result<(), EventsError> {
        let mut writer = self.store.writer().await?;
        let version = writer.version();
        let inserted = insert_rows(&writer.client, &rows, version).await;
        self.store.inner.written(inserted)
    }

    pub(crate) async fn finish(
        self,
        project: Option<ProjectKey>,
        position: Option<u64>,
    ) -> Result<(), EventsError> {
        let mut writer = self.store.writer().await?;
        let finished = writer.finish_copies(self.version, project, position).await;
        self.store.inner.written(finished)
    }
}

impl Writer {
    /// Removes copies that are older than new ones.
    async fn finish_copies(
        &mut self,
        version: u64,
        project: Option<ProjectKey>,
        position: Option<u64>,
    ) -> Result<(), Fault> {
        let earlier = Sql::with("version < ?", [Value::Count(version)]);
        let stale = Sql::all([earlier].into_iter().chain(project.map(of_project)));
        for table in TABLES {
            delete(&self.client, table, stale.clone()).await?;
        }
        match position {
            Some(position) => self.note(|progress| progress.copied = position).await,
            None => Ok(()),
        }
    }

    async fn copy(&mut self, copies: &PeopleCopies) -> Result<(), Fault> {
        if copies
            .position
            .is_some_and(|position| position <= self.progress.copied)
        {
            return Ok(());
        }
        for project in &copies.purged {
            for table in TABLES {
                delete(&self.client, table, of_project(*project)).await?;
            }
        }
        let PeopleRows { profiles, groups } = &copies.rows;
        let version = self.version();
        insert_rows(&self.client, &copies.rows, version).await?;
        let there = profiles
            .iter()
            .map(|(project, row)| (*project, row.id.as_str()));
        let gone = gone(&copies.profile_ids, there.collect());
        let gone = gone.map(|(project, id)| ProfileRow::gone(project, id, version));
        insert::<ProfileRow<'_>>(&self.client, "profiles", gone.collect()).await?;
        let there = groups
            .iter()
            .map(|(project, row)| (*project, row.id.as_str()));
        let gone = self::gone(&copies.group_ids, there.collect());
        let gone = gone.map(|(project, id)| GroupRow::gone(project, id, version));
        insert::<GroupRow<'_>>(&self.client, "groups", gone.collect()).await?;
        match copies.position {
            Some(position) => self.note(|progress| progress.copied = position).await,
            None => Ok(()),
        }
    }
}

/// Those of whom there is no row.
fn gone<'a>(
    ids: &'a [(ProjectKey, String)],
    there: HashSet<(ProjectKey, &'a str)>,
) -> impl Iterator<Item = (ProjectKey, &'a str)> {
    let ids = ids.iter().map(|(project, id)| (*project, id.as_str()));
    ids.filter(move |id| !there.contains(id))
}

async fn insert_rows(client: &Client, rows: &PeopleRows, version: u64) -> Result<(), Fault> {
    let profiles = rows.profiles.iter();
    let profiles = profiles.map(|(project, row)| ProfileRow::new(*project, row, version));
    insert::<ProfileRow<'_>>(client, "profiles", profiles.collect()).await?;
    let groups = rows.groups.iter();
    let groups = groups.map(|(project, row)| GroupRow::new(*project, row, version));
    insert::<GroupRow<'_>>(client, "groups", groups.collect()).await
}
