//! Removing what must not be kept. Rows are gone from what is read when the server says so; from
//! its disk when it drops the parts that they were in, minutes later.

use clickhouse::Client;
use paneld_domain::{ProjectKey, Timestamp};

use crate::{
    Erased, StoreChange,
    clickhouse::{
        client::writing,
        fault::Fault,
        sql::{Dialect, Sql, Value},
    },
};

/// So many ids go into one statement: some megabytes.
const IDS: usize = 50_000;

/// What a removal found to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    Nothing,
    Something,
    /// This of a profile.
    Profile(Erased),
}

/// Removes what a change says.
pub(super) async fn remove(
    client: &Client,
    project: ProjectKey,
    change: &StoreChange,
) -> Result<Removed, Fault> {
    let client = &writing(client);
    let removal = Removal { client, project };
    match change {
        StoreChange::EraseProfile { profile_id } => {
            removal.erase(profile_id).await.map(Removed::Profile)
        }
        StoreChange::Forget {
            events_before,
            replays_before,
        } => removal.forget(*events_before, *replays_before).await,
        StoreChange::Purge => removal.purge().await,
        _ => Ok(Removed::Nothing),
    }
}

struct Removal<'a> {
    client: &'a Client,
    project: ProjectKey,
}

impl Removal<'_> {
    /// Everything of a profile, and of nobody on devices that it used.
    async fn erase(&self, profile_id: &str) -> Result<Erased, Fault> {
        let own = || Sql::new("profile_id = ").add(Sql::text(profile_id));
        let devices = self.texts("events", "device_id", own().push(" AND device_id <> ''"));
        let devices = devices.await?;
        let of_devices = devices.chunks(IDS).map(|devices| {
            let devices = devices.iter().map(String::as_str);
            Sql::new("profile_id = device_id AND ").add(Sql::new("device_id").among(devices))
        });
        let mut erased = Erased::default();
        // Their own rows last, which tell the devices: what is broken off begins anew.
        for condition in of_devices.chain([own()]) {
            let sessions = self.texts("sessions", "id", condition.clone()).await?;
            let of_events = condition.clone().push(" AND session_id <> ''");
            let others = self.texts("events", "session_id", of_events).await?;
            self.remove_by("replay_chunks", "session_id", &sessions)
                .await?;
            self.remove_by("replay_chunks", "session_id", &others)
                .await?;
            self.remove_by("sessions", "id", &sessions).await?;
            // Earlier versions of what is another's by now.
            self.remove_that("sessions", condition.clone()).await?;
            erased.sessions += sessions.len() as u64;
            erased.events += self.remove_that("events", condition).await?;
        }
        Ok(erased)
    }

    /// Removes what happened, or was recorded, before a time.
    async fn forget(
        &self,
        events_before: Option<Timestamp>,
        replays_before: Timestamp,
    ) -> Result<Removed, Fault> {
        let mut removed = 0;
        if let Some(before) = events_before {
            let is_old = || Sql::new("created_at < ").add(Sql::time(before));
            removed += self.remove_that("events", is_old()).await?;
            let sessions = self.texts("sessions", "id", is_old()).await?;
            self.remove_by("sessions", "id", &sessions).await?;
            removed += sessions.len() as u64;
            removed += self.remove_that("bot_visits", is_old()).await?;
        }
        let is_old = Sql::new("started_at < ").add(Sql::time(replays_before));
        removed += self.remove_that("replay_chunks", is_old).await?;
        Ok(match removed {
            0 => Removed::Nothing,
            _ => Removed::Something,
        })
    }

    /// Everything but copies of people, which have their own purge.
    async fn purge(&self) -> Result<Removed, Fault> {
        for table in ["events", "sessions", "bot_visits", "replay_chunks"] {
            self.remove_that(table, Sql::new("TRUE")).await?;
        }
        Ok(Removed::Something)
    }

    /// The values of a column of the rows that fulfil a condition.
    async fn texts(&self, table: &str, column: &str, that: Sql) -> Result<Vec<String>, Fault> {
        let table = Dialect::ClickHouse.table(table, "t");
        Sql::new(&format!("SELECT DISTINCT {column} FROM {table} WHERE "))
            .add(of_project(self.project))
            .push(" AND ")
            .add(that)
            .fetch(self.client)
            .await
    }

    /// Removes the rows whose column is one of these texts: of sessions all their versions, for else
    /// an earlier one would count again.
    async fn remove_by(&self, table: &str, column: &str, texts: &[String]) -> Result<(), Fault> {
        for texts in texts.chunks(IDS) {
            let texts = texts.iter().map(String::as_str);
            let that = Sql::new(column).among(texts);
            self.remove_that(table, that).await?;
        }
        Ok(())
    }

    async fn remove_that(&self, table: &str, that: Sql) -> Result<u64, Fault> {
        let of_project = of_project(self.project).push(" AND ");
        delete(self.client, table, of_project.add(that)).await
    }
}

/// That a row belongs to a project.
pub(super) fn of_project(project: ProjectKey) -> Sql {
    Sql::with("project_key = ?", [Value::Integer(project.0)])
}

/// Deletes the rows that fulfil a condition, and counts them. Nothing is written anew where there
/// are none.
pub(super) async fn delete(client: &Client, table: &str, that: Sql) -> Result<u64, Fault> {
    let count = Sql::new(&format!("SELECT count() FROM {table} WHERE ")).add(that.clone());
    let count = count.fetch_one::<u64>(client).await?;
    if count > 0 {
        let delete = Sql::new(&format!("ALTER TABLE {table} DELETE WHERE "));
        delete.add(that).execute(client).await?;
    }
    Ok(count)
}
