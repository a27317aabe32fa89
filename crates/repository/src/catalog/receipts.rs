//! Kept replies, in the transactions of what they answer.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::Timestamp;

use super::{Connection, Store, schema::idempotent_replies, transaction};
use crate::{
    RepositoryError,
    lock::Lock,
    receipt::{KEPT_FOR, Once},
};

impl Store {
    pub(crate) async fn forget_replies(&self, now: Timestamp) -> Result<(), RepositoryError> {
        let lock = Lock::Nothing;
        transaction!(self, lock, async |connection| {
            let old = idempotent_replies::created_at.le(now - KEPT_FOR);
            diesel::delete(idempotent_replies::table.filter(old))
                .execute(connection)
                .await?;
            Ok(())
        })
    }
}

/// The reply that is kept under the key, if any.
pub(super) async fn find<T>(
    connection: &mut Connection,
    once: Option<&Once<T>>,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, RepositoryError> {
    let Some(once) = once else {
        return Ok(None);
    };
    let kept = idempotent_replies::table
        .find((once.key.client_id.to_string(), once.key.digest.to_vec()))
        .filter(idempotent_replies::created_at.gt(now - KEPT_FOR))
        .select(idempotent_replies::sealed)
        .first(connection)
        .await
        .optional()?;
    Ok(kept)
}

/// Keeps the reply to what was made, if it should be kept.
pub(super) async fn keep<T>(
    connection: &mut Connection,
    once: Option<Once<T>>,
    made: &T,
    now: Timestamp,
) -> Result<(), RepositoryError> {
    let Some(once) = once else {
        return Ok(());
    };
    let key = (once.key.client_id.to_string(), once.key.digest.to_vec());
    // One that is too old to be found is in the way.
    diesel::delete(idempotent_replies::table.find(key.clone()))
        .execute(connection)
        .await?;
    diesel::insert_into(idempotent_replies::table)
        .values((
            idempotent_replies::client_id.eq(key.0),
            idempotent_replies::key_digest.eq(key.1),
            idempotent_replies::sealed.eq(once.seal(made)?),
            idempotent_replies::created_at.eq(now),
        ))
        .execute(connection)
        .await?;
    Ok(())
}
