//! Timeline references.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::{
    Description, Name, NewReference, OrganizationId, Page, PageRequest, Position, Project,
    ProjectId, ProjectKey, Reference, ReferenceChanges, ReferenceId, Timestamp,
};

use super::{
    Backend, Connection, Store, audit, projects, receipts,
    schema::{projects as projects_table, timeline_references},
    transaction,
};
use crate::{Act, Action, Once, Outcome, RepositoryError, Resource, audit::Event, lock::Lock};

/// So many references of a window are shown beside a report, the latest.
const MOST_ON_A_TIMELINE: i64 = 1_000;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = timeline_references, check_for_backend(Backend), treat_none_as_null = true)]
struct ReferenceRow {
    id: String,
    project_key: i64,
    title: String,
    description: Option<String>,
    date: Timestamp,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl ReferenceRow {
    fn new(reference: &Reference, project: ProjectKey) -> Self {
        Self {
            id: reference.id.to_string(),
            project_key: project.0,
            title: reference.title.to_string(),
            description: reference.description.as_ref().map(Description::to_string),
            date: reference.date,
            created_at: reference.created_at,
            updated_at: reference.updated_at,
        }
    }

    fn into_reference(self, project_id: &str) -> Result<Reference, RepositoryError> {
        Ok(Reference {
            id: self.id.parse().map_err(RepositoryError::internal)?,
            project_id: project_id.parse().map_err(RepositoryError::internal)?,
            title: Name::stored(self.title),
            description: self.description.map(Description::stored),
            date: self.date,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Store {
    pub(crate) async fn list_references(
        &self,
        organization: OrganizationId,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Reference>, RepositoryError> {
        use timeline_references::{created_at, id as reference_id};

        let mut connection = self.reader().await?;
        let mut query = timeline_references::table
            .inner_join(projects_table::table)
            .filter(projects_table::organization_id.eq(organization.as_str()))
            .filter(projects_table::delete_at.is_null())
            .order((created_at.desc(), reference_id))
            .select((ReferenceRow::as_select(), projects_table::id))
            .into_boxed::<Backend>();
        if let Some(project) = project {
            let project = projects::find_live(&mut connection, &organization, &project).await?;
            query = query.filter(timeline_references::project_key.eq(project.key.0));
        }
        if let Some(position) = page.after {
            let tied = created_at
                .eq(position.created_at)
                .and(reference_id.gt(position.id));
            query = query.filter(created_at.lt(position.created_at).or(tied));
        }
        if let Some(limit) = page.limit {
            query = query.limit(i64::from(limit) + 1);
        }
        let rows = query
            .load::<(ReferenceRow, String)>(&mut connection)
            .await?;
        let found = rows
            .into_iter()
            .map(|(row, project)| row.into_reference(&project));
        Ok(Page::cut(
            found.collect::<Result<_, _>>()?,
            page.limit,
            |reference| Position {
                created_at: reference.created_at,
                id: reference.id.to_string(),
            },
        ))
    }

    pub(crate) async fn list_references_between(
        &self,
        project: Project,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Reference>, RepositoryError> {
        use timeline_references::{date, id as reference_id, project_key};

        let mut connection = self.reader().await?;
        let rows = timeline_references::table
            .filter(project_key.eq(project.key.0))
            .filter(date.ge(start).and(date.lt(end)))
            .order((date.desc(), reference_id.desc()))
            .limit(MOST_ON_A_TIMELINE)
            .select(ReferenceRow::as_select())
            .load(&mut connection)
            .await?;
        let id = project.id.as_str();
        // The earliest first.
        let rows = rows.into_iter().rev();
        rows.map(|row| row.into_reference(id)).collect()
    }

    pub(crate) async fn get_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
    ) -> Result<Reference, RepositoryError> {
        let mut connection = self.reader().await?;
        let (reference, _) = find(&mut connection, &organization, id).await?;
        Ok(reference)
    }

    pub(crate) async fn create_reference(
        &self,
        organization: OrganizationId,
        new: NewReference,
        id: ReferenceId,
        act: Act,
        once: Option<Once<Reference>>,
    ) -> Result<Outcome<Reference>, RepositoryError> {
        let lock = Lock::creation(&organization, once.as_ref());
        transaction!(self, lock, async |connection| {
            if let Some(kept) = receipts::find(connection, once.as_ref(), act.at).await? {
                return Ok(Outcome::Kept(kept));
            }
            let project = projects::find_live(connection, &organization, &new.project_id).await?;
            let reference = new.build(id, act.at);
            diesel::insert_into(timeline_references::table)
                .values(ReferenceRow::new(&reference, project.key))
                .execute(connection)
                .await?;
            let event = Event::created(&reference)?;
            audit::record(connection, &act, &organization, [event]).await?;
            receipts::keep(connection, once, &reference, act.at).await?;
            Ok(Outcome::Made(reference))
        })
    }

    pub(crate) async fn update_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
        changes: ReferenceChanges,
        act: Act,
    ) -> Result<Reference, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let (before, project) = find(connection, &organization, id).await?;
            let mut reference = before.clone();
            changes.apply(&mut reference, act.at);
            diesel::update(timeline_references::table.find(id.to_string()))
                .set(ReferenceRow::new(&reference, project))
                .execute(connection)
                .await?;
            let event = Event::changed(Action::Update, &before, &reference)?;
            audit::record(connection, &act, &organization, event).await?;
            Ok(reference)
        })
    }

    pub(crate) async fn delete_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
        act: Act,
    ) -> Result<(), RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let (reference, _) = find(connection, &organization, id).await?;
            diesel::delete(timeline_references::table.find(id.to_string()))
                .execute(connection)
                .await?;
            let event = Event::deleted(&reference)?;
            audit::record(connection, &act, &organization, [event]).await
        })
    }
}

/// A reference of a live project of the organization, and the project's key.
async fn find(
    connection: &mut Connection,
    organization: &OrganizationId,
    id: ReferenceId,
) -> Result<(Reference, ProjectKey), RepositoryError> {
    let (row, project_id) = timeline_references::table
        .inner_join(projects_table::table)
        .filter(timeline_references::id.eq(id.to_string()))
        .filter(projects_table::organization_id.eq(organization.as_str()))
        .filter(projects_table::delete_at.is_null())
        .select((ReferenceRow::as_select(), projects_table::id))
        .first::<(ReferenceRow, String)>(connection)
        .await
        .optional()?
        .ok_or(RepositoryError::NotFound(Resource::Reference))?;
    let key = ProjectKey(row.project_key);
    Ok((row.into_reference(&project_id)?, key))
}
