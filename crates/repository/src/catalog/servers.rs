//! The servers that are at work on the catalog.

use std::time::Duration;

use diesel::{dsl::sql, prelude::*, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use paneld_domain::Timestamp;
use uuid::Uuid;

use super::{Backend, Connection, NOW_MILLIS, Store, schema::servers, transaction};
use crate::{GivesWay, NewServer, Registered, RegisteredServer, RepositoryError, lock::Lock};

/// A server without events that was silent for so long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Queryable, Selectable)]
#[diesel(table_name = servers, check_for_backend(Backend))]
struct ServerRow {
    id: String,
    run: String,
    has_events: bool,
    hostname: String,
    address: String,
    version: String,
    heartbeat_millis: i64,
    started_at: i64,
    heartbeat_at: i64,
}

impl ServerRow {
    /// The server, seen at this time of the database's clock.
    fn seen_at(self, now: i64) -> Result<RegisteredServer, RepositoryError> {
        Ok(RegisteredServer {
            silence: millis(now - self.heartbeat_at),
            started_at: timestamp(self.started_at)?,
            heartbeat_at: timestamp(self.heartbeat_at)?,
            server: NewServer {
                run: self.run.parse().map_err(RepositoryError::internal)?,
                heartbeat: millis(self.heartbeat_millis),
                id: self.id,
                has_events: self.has_events,
                hostname: self.hostname,
                address: self.address,
                version: self.version,
            },
        })
    }
}

impl Store {
    pub(crate) async fn list_servers(&self) -> Result<Vec<RegisteredServer>, RepositoryError> {
        list(&mut *self.reader().await?).await
    }

    pub(crate) async fn register_server(
        &self,
        server: NewServer,
        gives_way: GivesWay,
    ) -> Result<Registered, RepositoryError> {
        transaction!(self, Lock::Servers, async |connection| {
            for other in list(connection).await? {
                if other.server.run == server.run {
                    continue;
                }
                if does_give_way(&other, &server, &gives_way) {
                    remove(connection, &other.server.id).await?;
                } else if other.server.has_events && server.has_events {
                    return Ok(Registered::Beside(Box::new(other)));
                }
            }
            remove(connection, &server.id).await?;
            insert(connection, &server).await?;
            Ok(Registered::Yes)
        })
    }

    /// Says whether the server is still registered.
    pub(crate) async fn note_heartbeat(
        &self,
        id: String,
        run: Uuid,
    ) -> Result<bool, RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            let noted = diesel::update(servers::table.find(id))
                .filter(servers::run.eq(run.to_string()))
                .set(servers::heartbeat_at.eq(sql::<BigInt>(NOW_MILLIS)))
                .execute(connection)
                .await?;
            Ok(noted == 1)
        })
    }

    pub(crate) async fn unregister_server(
        &self,
        id: String,
        run: Uuid,
    ) -> Result<(), RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            diesel::delete(servers::table.find(id))
                .filter(servers::run.eq(run.to_string()))
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}

/// Whether a server is to be forgotten when another one registers.
fn does_give_way(other: &RegisteredServer, to: &NewServer, gives_way: &GivesWay) -> bool {
    if !other.server.has_events {
        return other.silence > FORGOTTEN_AFTER;
    }
    let is_silent = match gives_way {
        GivesWay::Silent => !other.is_live(),
        GivesWay::Replaced(silent) => {
            let seen = (other.server.run, other.heartbeat_at);
            other.server.id == to.id || silent.contains(&seen)
        }
    };
    to.has_events && is_silent
}

async fn list(connection: &mut Connection) -> Result<Vec<RegisteredServer>, RepositoryError> {
    let rows = servers::table
        .order((servers::started_at, servers::id))
        .select((ServerRow::as_select(), sql::<BigInt>(NOW_MILLIS)))
        .load::<(ServerRow, i64)>(connection)
        .await?;
    rows.into_iter()
        .map(|(row, now)| row.seen_at(now))
        .collect()
}

async fn remove(connection: &mut Connection, id: &str) -> Result<(), RepositoryError> {
    diesel::delete(servers::table.find(id))
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert(connection: &mut Connection, server: &NewServer) -> Result<(), RepositoryError> {
    let heartbeat = i64::try_from(server.heartbeat.as_millis());
    diesel::insert_into(servers::table)
        .values((
            servers::id.eq(&server.id),
            servers::run.eq(server.run.to_string()),
            servers::has_events.eq(server.has_events),
            servers::hostname.eq(&server.hostname),
            servers::address.eq(&server.address),
            servers::version.eq(&server.version),
            servers::heartbeat_millis.eq(heartbeat.map_err(RepositoryError::internal)?),
            servers::started_at.eq(sql::<BigInt>(NOW_MILLIS)),
            servers::heartbeat_at.eq(sql::<BigInt>(NOW_MILLIS)),
        ))
        .execute(connection)
        .await?;
    Ok(())
}

/// A clock that was set back makes nothing older.
fn millis(number: i64) -> Duration {
    Duration::from_millis(u64::try_from(number).unwrap_or(0))
}

fn timestamp(millis: i64) -> Result<Timestamp, RepositoryError> {
    Timestamp::from_timestamp_millis(millis)
        .ok_or_else(|| RepositoryError::internal("the time of a server is no time"))
}
