//! Inserting rows: events once, and others at least once.

use std::{collections::HashSet, time::Duration};

use chrono::Datelike as _;
use clickhouse::{Client, Row, RowWrite};
use paneld_domain::{Event, ProjectKey, Timestamp};
use sha2::{Digest as _, Sha256};
use tokio::task::consume_budget;
use uuid::Uuid;

use super::{
    client::writing,
    fault::Fault,
    rows::EventRow,
    sql::{Sql, Value, time},
};

/// How long the server may take to take a piece of rows, and to say that all are there.
const PATIENCE: Duration = Duration::from_secs(60);

/// The partition of a moment, as the table has it: the month, such as 202611.
pub(super) fn month(moment: Timestamp) -> i32 {
    moment.year() * 100 + moment.month() as i32
}

/// How the names of inserts begin that a spool makes.
fn name_of(spool: &str) -> String {
    format!("paneld-insert-{spool}-")
}

/// Events that are inserted together: all of them are there afterwards, or none is.
pub(super) struct Block<'a> {
    pub(super) spool: &'a str,
    /// The journal that tells what became of them.
    pub(super) journal: Uuid,
    /// Where the batch ends that brings them.
    pub(super) position: u64,
    /// Which segment of the batch they are, between its removals.
    pub(super) segment: usize,
    pub(super) month: i32,
}

impl Block<'_> {
    /// Inserts them. The token is made of what they are: the same rows sent again are dropped, also
    /// when those that were sent first arrive last, and others never are.
    pub(super) async fn insert(
        &self,
        client: &Client,
        events: &[(ProjectKey, &Event)],
    ) -> Result<(), Fault> {
        let mut digest = Sha256::new();
        for (project, event) in events {
            digest.update(project.0.to_be_bytes());
            digest.update(event.id.as_bytes());
        }
        let digest = Uuid::from_bytes(first_half(&digest.finalize())).simple();
        let Self {
            spool,
            journal,
            position,
            segment,
            month,
        } = self;
        let journal = journal.simple();
        let token = format!("{spool}:{journal}:events:{month}:{position}:{segment}:{digest}");
        let client = writing(client)
            .with_setting("query_id", format!("{}{}", name_of(spool), Uuid::new_v4()))
            .with_setting("insert_deduplication_token", token);
        let rows = events.iter();
        let rows = rows.map(|(project, event)| EventRow::new(*project, event, spool, *position));
        insert_by::<EventRow<'_>>(&client, "events", rows.collect()).await
    }
}

fn first_half(digest: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = *from);
    half
}

/// Inserts rows that replace those of the same key.
pub(super) async fn insert<'a, R: Row + RowWrite>(
    client: &Client,
    table: &str,
    rows: Vec<R::Value<'a>>,
) -> Result<(), Fault> {
    insert_by::<R>(&writing(client), table, rows).await
}

async fn insert_by<'a, R: Row + RowWrite>(
    client: &Client,
    table: &str,
    rows: Vec<R::Value<'a>>,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let insert = client.insert::<R>(table).await?;
    let mut insert = insert.with_timeouts(Some(PATIENCE), Some(PATIENCE));
    for row in &rows {
        // Of thousands of rows, others have their turns on the event loop.
        consume_budget().await;
        insert.write(row).await?;
    }
    Ok(insert.end().await?)
}

/// Ends what spools are inserting, and waits until it has ended: whatever is there then, stays.
pub(super) async fn end_all(client: &Client, spools: &[String]) -> Result<(), Fault> {
    let theirs = spools.iter().map(|spool| {
        Sql::new("startsWith(query_id, ")
            .add(Sql::text(&name_of(spool)))
            .push(")")
    });
    Sql::new("KILL QUERY WHERE user = currentUser() AND current_database = currentDatabase() AND ")
        .add(Sql::any(theirs))
        .push(" SYNC")
        .execute(client)
        .await
}

/// The last position of which something of these spools is there.
pub(super) async fn last_position(client: &Client, spools: &[String]) -> Result<u64, Fault> {
    Sql::new("SELECT max(seq) FROM events WHERE spool")
        .among(spools.iter().map(String::as_str))
        .fetch_one(client)
        .await
}

/// Those of the events that are not there yet, of these spools, which insert nothing meanwhile.
pub(super) async fn absent<'a>(
    client: &Client,
    spools: &[String],
    events: &[(ProjectKey, &'a Event)],
) -> Result<Vec<(ProjectKey, &'a Event)>, Fault> {
    let times = || events.iter().map(|(_, event)| event.created_at);
    let (Some(first), Some(last)) = (times().min(), times().max()) else {
        return Ok(Vec::new());
    };
    let ids = events
        .iter()
        .map(|(_, event)| event.id.simple().to_string());
    let ids = ids.collect::<Vec<_>>();
    let projects = events.iter().map(|(project, _)| project.0);
    let projects = projects.collect::<HashSet<_>>().into_iter();
    let projects = projects.map(|key| Sql::with("?", [Value::Integer(key)]));
    let there = Sql::new("SELECT project_key, lower(hex(id)) FROM events WHERE project_key IN (")
        .add(Sql::join(projects, ", "))
        .push(") AND created_at BETWEEN ")
        .add(Sql::with("? AND ?", [time(first), time(last)]))
        .add(Sql::new(" AND spool").among(spools.iter().map(String::as_str)))
        .add(Sql::new(" AND lower(hex(id))").among(ids.iter().map(String::as_str)));
    let there = there.fetch::<(i64, String)>(client).await?;
    let there = there.into_iter().collect::<HashSet<_>>();
    let events = events.iter().zip(ids);
    let absent = events.filter(|((project, _), id)| !there.contains(&(project.0, id.clone())));
    Ok(absent.map(|(event, _id)| *event).collect())
}
