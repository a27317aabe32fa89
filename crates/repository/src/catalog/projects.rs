//! Projects.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paneld_domain::{
    Domain, Name, NewClient, NewProject, OrganizationId, Page, PageRequest, Position, ProfileEdit,
    Project, ProjectChanges, ProjectId, ProjectKey, RetentionDays, Timestamp,
};

use super::{
    Backend, Connection, Store, audit, client_rows, locked, purges, receipts,
    schema::{clients as clients_table, projects, timeline_references, used_project_ids},
    transaction,
};
use crate::{
    Act, Action, DueProject, NewCredentials, Once, Outcome, RepositoryError, Resource, RootRule,
    audit::Event, lock::Lock, settings,
};

/// How many ids are tried for a name. The later ones have twelve random digits.
const ID_ATTEMPTS: u32 = 40;

#[derive(Queryable, Selectable)]
#[diesel(table_name = projects, check_for_backend(Backend))]
pub(super) struct ProjectRow {
    key: i64,
    #[diesel(embed)]
    values: ProjectValues,
}

/// All but the key, which the database gives.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = projects, check_for_backend(Backend), treat_none_as_null = true)]
pub(super) struct ProjectValues {
    id: String,
    organization_id: String,
    name: String,
    domain: Option<String>,
    cors: String,
    cross_domain: bool,
    allow_unsafe_revenue_tracking: bool,
    filters: String,
    types: String,
    retention_days: Option<i64>,
    created_at: Timestamp,
    updated_at: Timestamp,
    delete_at: Option<Timestamp>,
}

impl TryFrom<&Project> for ProjectValues {
    type Error = RepositoryError;

    fn try_from(project: &Project) -> Result<Self, Self::Error> {
        let types = project.types.iter().map(|kind| kind.as_str());
        Ok(Self {
            id: project.id.to_string(),
            organization_id: project.organization_id.to_string(),
            name: project.name.to_string(),
            domain: project.domain.as_ref().map(Domain::to_string),
            cors: settings::cors_to_text(&project.cors)?,
            cross_domain: project.cross_domain,
            allow_unsafe_revenue_tracking: project.allow_unsafe_revenue_tracking,
            filters: settings::filters_to_text(&project.filters)?,
            types: settings::to_text(&types.collect::<Vec<_>>())?,
            retention_days: project.retention_days.map(|days| i64::from(days.get())),
            created_at: project.created_at,
            updated_at: project.updated_at,
            delete_at: project.delete_at,
        })
    }
}

impl TryFrom<ProjectRow> for Project {
    type Error = RepositoryError;

    fn try_from(row: ProjectRow) -> Result<Self, Self::Error> {
        let values = row.values;
        let retention_days = parse_retention(values.retention_days)?;
        Ok(Self {
            key: ProjectKey(row.key),
            id: values.id.parse().map_err(RepositoryError::internal)?,
            organization_id: parse_organization_id(&values.organization_id)?,
            name: Name::stored(values.name),
            domain: values.domain.map(Domain::stored),
            cors: settings::cors_from_text(&values.cors)?,
            cross_domain: values.cross_domain,
            allow_unsafe_revenue_tracking: values.allow_unsafe_revenue_tracking,
            filters: settings::filters_from_text(&values.filters)?,
            types: settings::parse_list(&values.types)?,
            retention_days,
            created_at: values.created_at,
            updated_at: values.updated_at,
            delete_at: values.delete_at,
        })
    }
}

fn parse_organization_id(text: &str) -> Result<OrganizationId, RepositoryError> {
    text.parse().map_err(RepositoryError::internal)
}

fn parse_retention(days: Option<i64>) -> Result<Option<RetentionDays>, RepositoryError> {
    days.map(|days| RetentionDays::try_from(days.unsigned_abs()))
        .transpose()
        .map_err(RepositoryError::internal)
}

impl Store {
    pub(crate) async fn has_several_projects(&self) -> Result<bool, RepositoryError> {
        let two = projects::table.select(projects::key).limit(2);
        let two = two.load::<i64>(&mut self.reader().await?).await?;
        Ok(two.len() > 1)
    }

    pub(crate) async fn list_projects(
        &self,
        organization: OrganizationId,
        include_deleted: bool,
        page: PageRequest,
    ) -> Result<Page<Project>, RepositoryError> {
        let mut query = projects::table
            .filter(projects::organization_id.eq(organization.as_str()))
            .order((projects::created_at.desc(), projects::id))
            .select(ProjectRow::as_select())
            .into_boxed::<Backend>();
        if !include_deleted {
            query = query.filter(projects::delete_at.is_null());
        }
        if let Some(Position { created_at, id }) = page.after {
            let tied = projects::created_at.eq(created_at).and(projects::id.gt(id));
            query = query.filter(projects::created_at.lt(created_at).or(tied));
        }
        if let Some(limit) = page.limit {
            query = query.limit(i64::from(limit) + 1);
        }
        let rows = query.load(&mut self.reader().await?).await?;
        let found = rows.into_iter().map(Project::try_from);
        Ok(Page::cut(
            found.collect::<Result<_, _>>()?,
            page.limit,
            |project| Position {
                created_at: project.created_at,
                id: project.id.to_string(),
            },
        ))
    }

    pub(crate) async fn get_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        include_deleted: bool,
    ) -> Result<Project, RepositoryError> {
        let mut connection = self.reader().await?;
        let project = find(&mut connection, &organization, &id).await?;
        if include_deleted || project.is_live() {
            Ok(project)
        } else {
            Err(NOT_FOUND)
        }
    }

    pub(crate) async fn create_project_with_client(
        &self,
        organization: OrganizationId,
        project: NewProject,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
        once: Option<Once<Project>>,
    ) -> Result<Outcome<Project>, RepositoryError> {
        let lock = Lock::creation(&organization, once.as_ref());
        transaction!(self, lock, async |connection| {
            if let Some(kept) = receipts::find(connection, once.as_ref(), act.at).await? {
                return Ok(Outcome::Kept(kept));
            }
            let project = insert(connection, organization.clone(), project, &act).await?;
            let client = NewClient {
                project_id: Some(project.id.clone()),
                ..client
            };
            let client = client.build(credentials.id, project.organization_id.clone(), act.at);
            let key = Some(project.key);
            client_rows::insert(connection, &client, key, &credentials.hash, &act).await?;
            receipts::keep(connection, once, &project, act.at).await?;
            Ok(Outcome::Made(project))
        })
    }

    pub(crate) async fn update_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        changes: ProjectChanges,
        act: Act,
    ) -> Result<Project, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let before = find(connection, &organization, &id).await?;
            // One that is due for its purge is gone: the purge may be at work on it.
            if before.delete_at.is_some_and(|due| due <= act.at) {
                return Err(NOT_FOUND);
            }
            let mut project = before.clone();
            changes.apply(&mut project, act.at);
            update(connection, &project).await?;
            let event = Event::changed(Action::Update, &before, &project)?;
            audit::record(connection, &act, &organization, event).await?;
            Ok(project)
        })
    }

    pub(crate) async fn delete_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        rule: RootRule,
        act: Act,
        delete_at: Timestamp,
    ) -> Result<Project, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let before = find(connection, &organization, &id).await?;
            let mut project = before.clone();
            if project.is_live() {
                project.delete_at = Some(delete_at);
                project.updated_at = act.at;
                update(connection, &project).await?;
                client_rows::demand_usable_root(connection, &organization, rule, None, act.at)
                    .await?;
                let event = Event::changed(Action::Delete, &before, &project)?;
                audit::record(connection, &act, &organization, event).await?;
            }
            Ok(project)
        })
    }

    pub(crate) async fn note_erasure(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        profile_id: String,
        act: Act,
    ) -> Result<(), RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let project = find_live(connection, &organization, &id).await?;
            let event = Event::erased(&project.id, profile_id)?;
            audit::record(connection, &act, &organization, [event]).await
        })
    }

    pub(crate) async fn note_profile_edit(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        profile_id: String,
        edit: ProfileEdit,
        act: Act,
    ) -> Result<(), RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let project = find_live(connection, &organization, &id).await?;
            let event = Event::edited(&project.id, profile_id, &edit)?;
            audit::record(connection, &act, &organization, [event]).await
        })
    }

    pub(crate) async fn restore_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        act: Act,
    ) -> Result<Project, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let before = find(connection, &organization, &id).await?;
            let mut project = before.clone();
            ProjectChanges::default().apply(&mut project, act.at);
            update(connection, &project).await?;
            let event = Event::changed(Action::Update, &before, &project)?;
            audit::record(connection, &act, &organization, event).await?;
            Ok(project)
        })
    }

    pub(crate) async fn list_retentions(
        &self,
    ) -> Result<Vec<(ProjectKey, Option<RetentionDays>)>, RepositoryError> {
        let rows = projects::table
            .order(projects::key)
            .select((projects::key, projects::retention_days))
            .load::<(i64, Option<i64>)>(&mut self.reader().await?)
            .await?;
        let retentions = rows
            .into_iter()
            .map(|(key, days)| Ok((ProjectKey(key), parse_retention(days)?)));
        retentions.collect()
    }

    /// Not the whole of them: a project that cannot be read must still be purged.
    pub(crate) async fn list_projects_due(
        &self,
        now: Timestamp,
    ) -> Result<Vec<DueProject>, RepositoryError> {
        let rows = projects::table
            .filter(projects::delete_at.le(now))
            .order(projects::delete_at)
            .select((projects::key, projects::id, projects::organization_id))
            .load::<(i64, String, String)>(&mut self.reader().await?)
            .await?;
        let due = rows.into_iter().map(|(key, id, organization_id)| {
            Ok(DueProject {
                key: ProjectKey(key),
                id,
                organization_id: parse_organization_id(&organization_id)?,
            })
        });
        due.collect()
    }

    /// Removes a project if it is due by then, with all that hangs on it. Says
    /// whether it did.
    pub(crate) async fn purge_project(
        &self,
        organization: OrganizationId,
        key: ProjectKey,
        due_by: Timestamp,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        let lock = Lock::organization(&organization);
        transaction!(self, lock, async |connection| {
            let due = projects::table
                .find(key.0)
                .filter(projects::delete_at.le(due_by))
                .select(projects::id);
            // Locked, so that nobody is at work on its people.
            let due = locked!(due).first::<String>(connection).await.optional()?;
            let Some(id) = due else {
                return Ok(false);
            };
            diesel::delete(
                timeline_references::table.filter(timeline_references::project_key.eq(key.0)),
            )
            .execute(connection)
            .await?;
            let ids =
                diesel::delete(clients_table::table.filter(clients_table::project_key.eq(key.0)))
                    .returning(clients_table::id)
                    .get_results::<String>(connection)
                    .await?;
            let mut purged = vec![Event::purged(Resource::Project, id)];
            let clients = ids.iter().cloned();
            purged.extend(clients.map(|id| Event::purged(Resource::Client, id)));
            audit::record(connection, &act, &organization, purged).await?;
            for id in ids {
                client_rows::remember_deleted(connection, id, act.at).await?;
            }
            purges::begin(connection, key, act.at).await?;
            diesel::delete(projects::table.find(key.0))
                .execute(connection)
                .await?;
            Ok(true)
        })
    }
}

const NOT_FOUND: RepositoryError = RepositoryError::NotFound(Resource::Project);

/// A project of the organization, deleted or not.
async fn find(
    connection: &mut Connection,
    organization: &OrganizationId,
    id: &ProjectId,
) -> Result<Project, RepositoryError> {
    projects::table
        .filter(projects::id.eq(id.as_str()))
        .filter(projects::organization_id.eq(organization.as_str()))
        .select(ProjectRow::as_select())
        .first(connection)
        .await
        .optional()?
        .ok_or(NOT_FOUND)?
        .try_into()
}

/// A live project of the organization.
pub(super) async fn find_live(
    connection: &mut Connection,
    organization: &OrganizationId,
    id: &ProjectId,
) -> Result<Project, RepositoryError> {
    let project = find(connection, organization, id).await?;
    if project.is_live() {
        Ok(project)
    } else {
        Err(NOT_FOUND)
    }
}

async fn insert(
    connection: &mut Connection,
    organization: OrganizationId,
    new: NewProject,
    act: &Act,
) -> Result<Project, RepositoryError> {
    let id = take_id(connection, &new.name, act.at).await?;
    // The database gives the key; until then any number will do.
    let mut project = new.build(ProjectKey(0), id, organization, act.at);
    let key = diesel::insert_into(projects::table)
        .values(ProjectValues::try_from(&project)?)
        .returning(projects::key)
        .get_result(connection)
        .await?;
    project.key = ProjectKey(key);
    let event = Event::created(&project)?;
    audit::record(connection, act, &project.organization_id, [event]).await?;
    Ok(project)
}

/// An id that no project ever had, taken for good.
async fn take_id(
    connection: &mut Connection,
    name: &Name,
    now: Timestamp,
) -> Result<ProjectId, RepositoryError> {
    for attempt in 0..ID_ATTEMPTS {
        let id = ProjectId::candidate(name, attempt, &mut rand::rng());
        let taken = diesel::insert_into(used_project_ids::table)
            .values((
                used_project_ids::id.eq(id.as_str()),
                used_project_ids::used_at.eq(now),
            ))
            .on_conflict_do_nothing()
            .execute(connection)
            .await?;
        if taken == 1 {
            return Ok(id);
        }
    }
    Err(RepositoryError::internal("no free id was found"))
}

async fn update(connection: &mut Connection, project: &Project) -> Result<(), RepositoryError> {
    diesel::update(projects::table.find(project.key.0))
        .set(ProjectValues::try_from(project)?)
        .execute(connection)
        .await?;
    Ok(())
}
