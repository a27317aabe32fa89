//! Salts.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::Timestamp;

use super::{Connection, Store, schema::salts, transaction};
use crate::{RepositoryError, Salts, lock::Lock, salts::is_of_the_future};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Store {
    pub(crate) async fn salts(
        &self,
        now: Timestamp,
        fresh: [[u8; 16]; 2],
    ) -> Result<Salts, RepositoryError> {
        // Almost always they are there, and nobody needs to wait for those who write.
        let kept = find(&mut *self.reader().await?).await?;
        if let Some(kept) = kept.filter(|kept| kept.are_of(now)) {
            return Ok(kept);
        }
        transaction!(self, Lock::Salts, async |connection| {
            let [current, previous] = fresh;
            forget_future(connection, now).await?;
            let previous = match find(connection).await? {
                // Somebody else was faster; or it is the day of before a clock was wrong.
                Some(kept) if kept.are_of(now) => return Ok(kept),
                Some(kept) => kept.current,
                None => {
                    insert(connection, now - DAY, previous).await?;
                    previous
                }
            };
            insert(connection, now, current).await?;
            forget_old(connection).await?;
            Ok(Salts {
                current,
                previous,
                since: now,
            })
        })
    }
}

/// The newest two.
async fn find(connection: &mut Connection) -> Result<Option<Salts>, RepositoryError> {
    let newest = salts::table
        .order(salts::created_at.desc())
        .limit(2)
        .load::<(Timestamp, Vec<u8>)>(connection)
        .await?;
    let mut newest = newest.into_iter();
    let Some((since, current)) = newest.next() else {
        return Ok(None);
    };
    let current = parse(current)?;
    let previous = newest.next().map(|(_, salt)| parse(salt)).transpose()?;
    Ok(Some(Salts {
        current,
        previous: previous.unwrap_or(current),
        since,
    }))
}

/// The length only: what is wrong with it must not show the salt.
fn parse(stored: Vec<u8>) -> Result<[u8; 16], RepositoryError> {
    stored.try_into().map_err(|stored: Vec<u8>| {
        let length = stored.len();
        RepositoryError::internal(format!("a salt has {length} bytes and not 16"))
    })
}

async fn insert(
    connection: &mut Connection,
    at: Timestamp,
    salt: [u8; 16],
) -> Result<(), RepositoryError> {
    diesel::insert_into(salts::table)
        .values((salts::created_at.eq(at), salts::salt.eq(salt.to_vec())))
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets what a clock that was ahead has left: it would be that of today until its day has come,
/// and every visitor would keep one device id until then.
async fn forget_future(connection: &mut Connection, now: Timestamp) -> Result<(), RepositoryError> {
    let newest = find(connection).await?;
    let Some(Salts { since, .. }) = newest.filter(|kept| is_of_the_future(kept.since, now)) else {
        return Ok(());
    };
    tracing::warn!(
        since = %since.to_rfc3339(),
        now = %now.to_rfc3339(),
        "the clock was ahead: the salts of a day to come are forgotten, and visitors get new device ids"
    );
    let moments = salts::table
        .select(salts::created_at)
        .load::<Timestamp>(connection)
        .await?;
    let future = moments.into_iter().filter(|&at| is_of_the_future(at, now));
    diesel::delete(salts::table.filter(salts::created_at.eq_any(future.collect::<Vec<_>>())))
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps the newest two: with an older one, the device ids of its day could be made again.
async fn forget_old(connection: &mut Connection) -> Result<(), RepositoryError> {
    let oldest_kept = salts::table
        .order(salts::created_at.desc())
        .select(salts::created_at)
        .offset(1)
        .limit(1)
        .first::<Timestamp>(connection)
        .await
        .optional()?;
    if let Some(oldest_kept) = oldest_kept {
        diesel::delete(salts::table.filter(salts::created_at.lt(oldest_kept)))
            .execute(connection)
            .await?;
    }
    Ok(())
}
