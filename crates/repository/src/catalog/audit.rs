//! The audit log.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::{OrganizationId, Page, PageRequest, Position, Timestamp};
use uuid::Uuid;

use super::{Backend, Connection, Store, schema::audit_entries};
use crate::{Act, Actor, AuditEntry, AuditFilter, RepositoryError, audit::Event, settings};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_entries, check_for_backend(Backend))]
struct AuditRow {
    id: String,
    organization_id: String,
    at: Timestamp,
    client_id: Option<String>,
    peer_address: Option<String>,
    request_id: Option<String>,
    resource: String,
    resource_id: String,
    action: String,
    changes: String,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = RepositoryError;

    fn try_from(row: AuditRow) -> Result<Self, Self::Error> {
        let by = match (row.client_id, row.peer_address, row.request_id) {
            (Some(client_id), Some(peer_address), Some(request_id)) => Some(Actor {
                client_id: client_id.parse().map_err(RepositoryError::internal)?,
                peer_address: peer_address.parse().map_err(RepositoryError::internal)?,
                request_id,
            }),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            act: Act { at: row.at, by },
            action: row.action.parse().map_err(RepositoryError::internal)?,
            resource: row.resource.parse().map_err(RepositoryError::internal)?,
            resource_id: row.resource_id,
            changes: settings::from_text(&row.changes)?,
        })
    }
}

impl Store {
    pub(crate) async fn list_audit_entries(
        &self,
        organization: OrganizationId,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, RepositoryError> {
        use audit_entries::{at, id as entry_id};

        let mut query = audit_entries::table
            .filter(audit_entries::organization_id.eq(organization.as_str()))
            .order((at.desc(), entry_id))
            .select(AuditRow::as_select())
            .into_boxed::<Backend>();
        if let Some(resource) = filter.resource {
            query = query.filter(audit_entries::resource.eq(resource.as_str()));
        }
        if let Some(resource_id) = filter.resource_id {
            query = query.filter(audit_entries::resource_id.eq(resource_id));
        }
        if let Some(Position { created_at, id }) = page.after {
            let tied = at.eq(created_at).and(entry_id.gt(id));
            query = query.filter(at.lt(created_at).or(tied));
        }
        if let Some(limit) = page.limit {
            query = query.limit(i64::from(limit) + 1);
        }
        let rows = query.load(&mut self.reader().await?).await?;
        let found = rows.into_iter().map(AuditEntry::try_from);
        Ok(Page::cut(
            found.collect::<Result<_, _>>()?,
            page.limit,
            |entry| Position {
                created_at: entry.act.at,
                id: entry.id.clone(),
            },
        ))
    }
}

/// Writes down what was done, in the transaction in which it was.
pub(super) async fn record(
    connection: &mut Connection,
    act: &Act,
    organization: &OrganizationId,
    events: impl IntoIterator<Item = Event>,
) -> Result<(), RepositoryError> {
    for event in events {
        let by = act.by.as_ref();
        let row = AuditRow {
            id: Uuid::new_v4().to_string(),
            organization_id: organization.to_string(),
            at: act.at,
            client_id: by.map(|actor| actor.client_id.to_string()),
            peer_address: by.map(|actor| actor.peer_address.to_string()),
            request_id: by.map(|actor| actor.request_id.clone()),
            resource: event.resource.as_str().to_owned(),
            resource_id: event.resource_id,
            action: event.action.as_str().to_owned(),
            changes: settings::to_text(&event.changes)?,
        };
        diesel::insert_into(audit_entries::table)
            .values(row)
            .execute(connection)
            .await?;
    }
    Ok(())
}
