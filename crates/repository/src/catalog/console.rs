//! What lets people into the console: their sessions, and links that begin one.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_auth::{SecretHash, Session, StoredSession, TokenHash};
use paneld_domain::{OrganizationId, Timestamp};

use super::{Backend, Connection, Store, clients, schema::console_tokens, shares, transaction};
use crate::{ConsoleToken, NewConsoleToken, RepositoryError, lock::Lock};

/// So many of each kind a client has at most; the oldest makes room.
const MOST_OF_CLIENT: usize = 100;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = console_tokens, check_for_backend(Backend))]
struct TokenRow {
    token_hash: String,
    kind: String,
    client_id: String,
    secret_hash: String,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl TokenRow {
    fn into_session(self) -> Result<Session, RepositoryError> {
        let secret = SecretHash::from_stored(&self.secret_hash);
        Ok(Session {
            client_id: self.client_id.parse().map_err(RepositoryError::internal)?,
            secret: secret.ok_or_else(|| RepositoryError::internal("a hash is damaged"))?,
            expires_at: self.expires_at,
        })
    }
}

impl Store {
    pub(crate) async fn create_console_token(
        &self,
        organization: OrganizationId,
        new: NewConsoleToken,
        now: Timestamp,
    ) -> Result<Option<Vec<TokenHash>>, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let NewConsoleToken {
                kind,
                token,
                session,
                by_link,
                instead_of,
            } = new;
            clients::find(connection, &organization, session.client_id).await?;
            if let Some(link) = by_link
                && !remove(connection, ConsoleToken::SignIn, link).await?
            {
                return Ok(None);
            }
            if let Some(before) = instead_of {
                remove(connection, ConsoleToken::Session, before).await?;
            }
            let client_id = session.client_id.to_string();
            let mut ended = make_room(connection, kind, &client_id).await?;
            ended.extend(instead_of);
            let row = TokenRow {
                token_hash: token.to_stored(),
                kind: kind.as_str().to_owned(),
                client_id,
                secret_hash: session.secret.to_stored(),
                created_at: now,
                expires_at: session.expires_at,
            };
            diesel::insert_into(console_tokens::table)
                .values(row)
                .execute(connection)
                .await?;
            Ok(Some(ended))
        })
    }

    pub(crate) async fn find_session(
        &self,
        token: TokenHash,
    ) -> Result<Option<StoredSession>, RepositoryError> {
        let mut connection = self.lookup().await?;
        let found = find(&mut connection, ConsoleToken::Session, token).await?;
        if let Some(session) = found {
            return Ok(Some(StoredSession::Client(session)));
        }
        let share = shares::find(&mut connection, shares::By::Session(token)).await?;
        Ok(share.map(Box::new).map(StoredSession::Share))
    }

    pub(crate) async fn find_sign_in(
        &self,
        token: TokenHash,
    ) -> Result<Option<Session>, RepositoryError> {
        find(&mut *self.lookup().await?, ConsoleToken::SignIn, token).await
    }

    pub(crate) async fn end_session(&self, token: TokenHash) -> Result<(), RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            remove(connection, ConsoleToken::Session, token).await?;
            Ok(())
        })
    }

    pub(crate) async fn forget_ended_sessions(
        &self,
        now: Timestamp,
    ) -> Result<(), RepositoryError> {
        transaction!(self, Lock::Nothing, async |connection| {
            diesel::delete(console_tokens::table)
                .filter(console_tokens::expires_at.le(now))
                .execute(connection)
                .await?;
            shares::forget(connection, now).await
        })
    }
}

async fn find(
    connection: &mut Connection,
    kind: ConsoleToken,
    token: TokenHash,
) -> Result<Option<Session>, RepositoryError> {
    let found = console_tokens::table
        .find(token.to_stored())
        .filter(console_tokens::kind.eq(kind.as_str()))
        .select(TokenRow::as_select())
        .first(connection)
        .await
        .optional()?;
    found.map(TokenRow::into_session).transpose()
}

/// Whether there was one.
async fn remove(
    connection: &mut Connection,
    kind: ConsoleToken,
    token: TokenHash,
) -> Result<bool, RepositoryError> {
    let removed = diesel::delete(console_tokens::table.find(token.to_stored()))
        .filter(console_tokens::kind.eq(kind.as_str()))
        .execute(connection)
        .await?;
    Ok(removed > 0)
}

/// Removes the oldest tokens of a kind, so that there is room for one more.
async fn make_room(
    connection: &mut Connection,
    kind: ConsoleToken,
    client_id: &str,
) -> Result<Vec<TokenHash>, RepositoryError> {
    let present = console_tokens::table
        .filter(console_tokens::client_id.eq(client_id))
        .filter(console_tokens::kind.eq(kind.as_str()))
        .order(console_tokens::created_at.desc())
        .select(console_tokens::token_hash)
        .load::<String>(connection)
        .await?;
    let surplus = present.get(MOST_OF_CLIENT - 1..).unwrap_or_default();
    diesel::delete(console_tokens::table)
        .filter(console_tokens::token_hash.eq_any(surplus))
        .execute(connection)
        .await?;
    let removed = surplus.iter().map(|hash| TokenHash::from_stored(hash));
    Ok(removed.flatten().collect())
}
