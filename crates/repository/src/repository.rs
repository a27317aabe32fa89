//! The face of the catalog: which backend it is, nobody outside needs to know.

use std::{collections::BTreeMap, path::Path, pin::Pin};

use paneld_auth::{
    CredentialStore, Credentials, LookupFuture, SecretHash, Session, SessionFuture, Share,
    StoredSession, TokenHash,
};
use paneld_domain::{
    Client, ClientChanges, ClientId, ErrorChain, Group, Name, NewClient, NewProject, NewReference,
    Organization, OrganizationChanges, OrganizationId, Page, PageRequest, Profile, ProfileEdit,
    Project, ProjectChanges, ProjectId, ProjectKey, Reference, ReferenceChanges, ReferenceId,
    RetentionDays, ShareLink, ShareLinkId, Timestamp,
};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{
    Act, Applied, AuditEntry, AuditFilter, Bootstrap, CatalogContents, CatalogUrl, CopyOf,
    DueProject, GivesWay, NewConsoleToken, NewCredentials, NewServer, NewShare, Once, Outcome,
    PeopleIds, ProjectChange, Registered, RegisteredServer, RepositoryError, RootRule, Rotated,
    Salts, SpooledChange, StoredPeople, migrations::Preparation, postgres, sqlite,
};

/// The catalog, open. Clones share its connections.
#[derive(Clone)]
pub struct Repository {
    backend: Backend,
    runtime: Handle,
}

#[derive(Clone)]
enum Backend {
    Sqlite(sqlite::Store),
    Postgres(postgres::Store),
}

/// Runs a method of whichever backend it is, on a task of its own.
///
/// Diesel's connections must not be dropped in the middle of a query, which is what happens to
/// the future of a caller that goes away: under actix the guard of a SQLite connection would
/// panic, and the next, innocent user of the connection too. A task goes on to the end.
macro_rules! run {
    ($self:ident.$method:ident($($argument:expr),*)) => {
        match &$self.backend {
            Backend::Sqlite(store) => {
                let store = store.clone();
                $self.detach(async move { store.$method($($argument),*).await }).await
            }
            Backend::Postgres(store) => {
                let store = store.clone();
                let work = async move { store.$method($($argument),*).await };
                $self.detach(postgres::in_time(work)).await
            }
        }
    };
}

impl Repository {
    /// Opens the catalog, and makes it when it is not there. The tables of a SQLite file are
    /// brought up to date; those of a database, which other servers may use, must be so.
    /// Queries will run on the runtime of the caller, which must be multi-threaded.
    ///
    /// # Errors
    /// When the catalog cannot be reached, or when its tables are not those of this program.
    pub async fn open(url: &CatalogUrl) -> Result<Self, RepositoryError> {
        Self::prepare(url, Preparation::Begin).await
    }

    /// Opens the catalog, makes it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// When the catalog cannot be reached, when its tables cannot be brought up to date, or when
    /// they are those of a newer program.
    pub async fn migrate(url: &CatalogUrl) -> Result<Self, RepositoryError> {
        Self::prepare(url, Preparation::Migrate).await
    }

    /// Opens a catalog that is there and up to date, and changes nothing of its tables.
    ///
    /// # Errors
    /// When there is none, when it cannot be reached, or when its tables are not those of this
    /// program.
    pub async fn open_present(url: &CatalogUrl) -> Result<Self, RepositoryError> {
        Self::prepare(url, Preparation::DemandCurrent).await
    }

    async fn prepare(url: &CatalogUrl, how: Preparation) -> Result<Self, RepositoryError> {
        let backend = match url {
            CatalogUrl::Sqlite(path) => {
                Backend::Sqlite(sqlite::Store::open(path.clone(), how).await?)
            }
            CatalogUrl::Postgres(url) => Backend::Postgres(postgres::Store::open(url, how).await?),
        };
        Ok(Self {
            backend,
            runtime: Handle::current(),
        })
    }

    async fn detach<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, RepositoryError>> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        self.runtime
            .spawn(work)
            .await
            .map_err(RepositoryError::internal)?
    }

    /// Whether there is no organization yet. Also tells whether the catalog answers at all.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn is_empty(&self) -> Result<bool, RepositoryError> {
        run!(self.is_empty())
    }

    /// Whether there is more than one project, of whatever organization; deleted ones count until
    /// they are purged.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn has_several_projects(&self) -> Result<bool, RepositoryError> {
        run!(self.has_several_projects())
    }

    /// Makes the first organization and its root client. Says whether it did: only when there
    /// was none, whoever else begins at the same time.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn begin(
        &self,
        organization: Name,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        run!(self.begin(organization, client, credentials, act))
    }

    /// Makes a client of given credentials at the organization's level, unless it is or ever
    /// was there. It goes to `organization`, made if need be; without a name to the oldest one,
    /// or to one called `default_organization`.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn bootstrap(
        &self,
        organization: Option<Name>,
        default_organization: Name,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
    ) -> Result<Bootstrap, RepositoryError> {
        run!(self.bootstrap(organization, default_organization, client, credentials, act))
    }

    /// All organizations, oldest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_organizations(&self) -> Result<Vec<Organization>, RepositoryError> {
        run!(self.list_organizations())
    }

    /// One organization.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be asked.
    pub async fn get_organization(
        &self,
        id: OrganizationId,
    ) -> Result<Organization, RepositoryError> {
        run!(self.get_organization(id))
    }

    /// Makes an organization, with an id made from its name.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn create_organization(
        &self,
        name: Name,
        act: Act,
    ) -> Result<Organization, RepositoryError> {
        run!(self.create_organization(name, act))
    }

    /// Changes an organization.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn update_organization(
        &self,
        id: OrganizationId,
        changes: OrganizationChanges,
        act: Act,
    ) -> Result<Organization, RepositoryError> {
        run!(self.update_organization(id, changes, act))
    }

    /// Removes an organization for good, with its clients and its audit log. Says whether it did:
    /// only where no project is left, nor one that waits to be purged.
    ///
    /// # Errors
    /// When there is none of this id, or the catalog cannot be written.
    pub async fn delete_organization(
        &self,
        id: OrganizationId,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        run!(self.delete_organization(id, act))
    }

    /// The organization's projects, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_projects(
        &self,
        organization: OrganizationId,
        include_deleted: bool,
        page: PageRequest,
    ) -> Result<Page<Project>, RepositoryError> {
        run!(self.list_projects(organization, include_deleted, page))
    }

    /// One project.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be asked.
    pub async fn get_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        include_deleted: bool,
    ) -> Result<Project, RepositoryError> {
        run!(self.get_project(organization, id, include_deleted))
    }

    /// Makes a project, with an id made from its name that no project ever had, and a client
    /// for it.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn create_project_with_client(
        &self,
        organization: OrganizationId,
        project: NewProject,
        client: NewClient,
        credentials: NewCredentials,
        act: Act,
        once: Option<Once<Project>>,
    ) -> Result<Outcome<Project>, RepositoryError> {
        run!(self.create_project_with_client(organization, project, client, credentials, act, once))
    }

    /// Changes a project; a deletion that is not yet due is cancelled.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be written.
    pub async fn update_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        changes: ProjectChanges,
        act: Act,
    ) -> Result<Project, RepositoryError> {
        run!(self.update_project(organization, id, changes, act))
    }

    /// Marks a project for its purge at `delete_at`, unless it is marked already.
    ///
    /// # Errors
    /// When the organization has none of this id, when no usable root client would remain, or
    /// when the catalog cannot be written.
    pub async fn delete_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        rule: RootRule,
        act: Act,
        delete_at: Timestamp,
    ) -> Result<Project, RepositoryError> {
        run!(self.delete_project(organization, id, rule, act, delete_at))
    }

    /// Cancels a project's deletion, due or not, as long as it was not purged.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be written.
    pub async fn restore_project(
        &self,
        organization: OrganizationId,
        id: ProjectId,
        act: Act,
    ) -> Result<Project, RepositoryError> {
        run!(self.restore_project(organization, id, act))
    }

    /// The projects of all organizations whose purge is due.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_projects_due(
        &self,
        now: Timestamp,
    ) -> Result<Vec<DueProject>, RepositoryError> {
        run!(self.list_projects_due(now))
    }

    /// The projects of all organizations, deleted ones too, and for how many days each keeps its
    /// events; `None` is for ever.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_retentions(
        &self,
    ) -> Result<Vec<(ProjectKey, Option<RetentionDays>)>, RepositoryError> {
        run!(self.list_retentions())
    }

    /// Removes a project if its purge is due by then, with its clients, references and people.
    /// Says whether it was. From then on it is among the [purged](Self::list_purged_projects)
    /// ones; some of its people may be [left](Self::remove_purged_people).
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn purge_project(
        &self,
        organization: OrganizationId,
        key: ProjectKey,
        due_by: Timestamp,
        act: Act,
    ) -> Result<bool, RepositoryError> {
        run!(self.purge_project(organization, key, due_by, act))
    }

    /// All projects that were ever purged. Their keys are never given out again, and who keeps
    /// events of one must purge it, too.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_purged_projects(&self) -> Result<Vec<ProjectKey>, RepositoryError> {
        run!(self.list_purged_projects())
    }

    /// Removes a portion of what is left of the people of purged projects. Says whether nothing
    /// is left; if not, call it again.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn remove_purged_people(&self) -> Result<bool, RepositoryError> {
        run!(self.remove_purged_people())
    }

    /// The servers that are registered, the first to start first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_servers(&self) -> Result<Vec<RegisteredServer>, RepositoryError> {
        run!(self.list_servers())
    }

    /// Registers a server, unless one with events would be beside another one, which does not
    /// give way.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn register_server(
        &self,
        server: NewServer,
        gives_way: GivesWay,
    ) -> Result<Registered, RepositoryError> {
        run!(self.register_server(server, gives_way))
    }

    /// Notes that a start of a server is there still. Says whether it is registered.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn note_heartbeat(&self, id: String, run: Uuid) -> Result<bool, RepositoryError> {
        run!(self.note_heartbeat(id, run))
    }

    /// Forgets a start of a server.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn unregister_server(&self, id: String, run: Uuid) -> Result<(), RepositoryError> {
        run!(self.unregister_server(id, run))
    }

    /// The salts of the day of `now`, in UTC. The first one who asks on a new day makes a salt
    /// of the first `fresh` value, which must be random; where there is none at all, the second
    /// becomes the one of the day before.
    ///
    /// # Errors
    /// When the catalog cannot be asked; on a new day, when it cannot be written.
    pub async fn salts(
        &self,
        now: Timestamp,
        fresh: [[u8; 16]; 2],
    ) -> Result<Salts, RepositoryError> {
        run!(self.salts(now, fresh))
    }

    /// How far the changes of a spool were applied; 0 when none were.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn applied_position(&self, spool: &str) -> Result<u64, RepositoryError> {
        let spool = spool.to_owned();
        run!(self.applied_position(spool))
    }

    /// Lets a spool be applied as far as the one that it was copied from, of which these are told
    /// with the position of the last record that was copied, the latest first. One that is further
    /// stays there.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn inherit_position(
        &self,
        spool: &str,
        ancestors: Vec<(String, u64)>,
    ) -> Result<(), RepositoryError> {
        let spool = spool.to_owned();
        run!(self.inherit_position(spool, ancestors))
    }

    /// Copies the catalog, as it is now, to a file that is not there yet; only of a SQLite file:
    /// `None` says that it is in PostgreSQL, which has its own means. It is read and written
    /// meanwhile. The copy knows no servers.
    ///
    /// # Errors
    /// When the catalog cannot be read, or the copy not be written.
    pub async fn copy_to(&self, path: &Path) -> Result<Option<CatalogContents>, RepositoryError> {
        match &self.backend {
            Backend::Sqlite(store) => store.copy_to(path.to_owned()).await.map(Some),
            Backend::Postgres(_) => Ok(None),
        }
    }

    /// Changes that were not applied yet, in portions, each with the position of its last record
    /// and with no more rows than have room in memory, and time in one unit of work: some
    /// megabytes.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn split_changes(
        &self,
        spool: &str,
        changes: Vec<SpooledChange>,
    ) -> Result<Vec<(u64, Vec<ProjectChange>)>, RepositoryError> {
        let spool = spool.to_owned();
        run!(self.split_changes(spool, changes))
    }

    /// Makes changes of profiles and groups in their order, and remembers that the spool is
    /// applied up to this position. Where it was as far before, nothing is done: what is sent
    /// again is not applied again. Changes of projects that are no more are left out. Their
    /// texts must be free of NUL, which not every backend can store.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn apply_people(
        &self,
        spool: &str,
        position: u64,
        changes: Vec<ProjectChange>,
    ) -> Result<Applied, RepositoryError> {
        let spool = spool.to_owned();
        run!(self.apply_people(spool, position, changes))
    }

    /// The profile that this id finds, which may be an alias.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn get_profile(
        &self,
        project: ProjectKey,
        id: &str,
    ) -> Result<Option<Profile>, RepositoryError> {
        let id = id.to_owned();
        run!(self.get_profile(project, id))
    }

    /// The profiles that these ids find, by the ids that were given: two of them may find the
    /// same.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_profiles_by_ids(
        &self,
        project: ProjectKey,
        ids: Vec<String>,
    ) -> Result<BTreeMap<String, Profile>, RepositoryError> {
        run!(self.list_profiles_by_ids(project, ids))
    }

    /// The id of the profile that this id finds: its own, unless it is an alias. There need not
    /// be such a profile.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn resolve_alias(
        &self,
        project: ProjectKey,
        id: &str,
    ) -> Result<String, RepositoryError> {
        let id = id.to_owned();
        run!(self.resolve_alias(project, id))
    }

    /// All ids that are somebody's for certain: the profile's own first, then its aliases. Those
    /// that callers without a secret claimed are nobody's but their own.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_profile_ids(
        &self,
        project: ProjectKey,
        id: &str,
    ) -> Result<Vec<String>, RepositoryError> {
        let id = id.to_owned();
        run!(self.list_profile_ids(project, id))
    }

    /// Writes down that the erasure of a profile was asked for.
    ///
    /// # Errors
    /// When there is no such project, or the catalog cannot be written.
    pub async fn note_erasure(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        profile_id: String,
        act: Act,
    ) -> Result<(), RepositoryError> {
        run!(self.note_erasure(organization, project, profile_id, act))
    }

    /// Writes down that an edit of a profile was asked for: which fields and how many properties,
    /// and nothing of what they are.
    ///
    /// # Errors
    /// When there is no such project, or the catalog cannot be written.
    pub async fn note_profile_edit(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        profile_id: String,
        edit: ProfileEdit,
        act: Act,
    ) -> Result<(), RepositoryError> {
        run!(self.note_profile_edit(organization, project, profile_id, edit, act))
    }

    /// One group.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn get_group(
        &self,
        project: ProjectKey,
        id: &str,
    ) -> Result<Option<Group>, RepositoryError> {
        let id = id.to_owned();
        run!(self.get_group(project, id))
    }

    /// Ids of people in portions, each with no more rows than have room in memory together: some
    /// megabytes. What their profiles are called otherwise is added.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn split_people(
        &self,
        wanted: BTreeMap<ProjectKey, PeopleIds>,
    ) -> Result<Vec<BTreeMap<ProjectKey, PeopleIds>>, RepositoryError> {
        run!(self.split_people(wanted))
    }

    /// The people of these ids, for somebody who keeps copies of them. Projects that were purged
    /// have none, though some may not be removed yet.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_people(
        &self,
        wanted: BTreeMap<ProjectKey, PeopleIds>,
    ) -> Result<StoredPeople, RepositoryError> {
        run!(self.find_people(wanted))
    }

    /// Some profiles behind a key, by project and id: as many as have room in memory, or none when
    /// there are no more.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_profiles_after(
        &self,
        of: CopyOf,
        after: Option<(ProjectKey, String)>,
    ) -> Result<Vec<(ProjectKey, Profile)>, RepositoryError> {
        run!(self.list_profiles_after(of, after))
    }

    /// Some groups behind a key, by project and id: as many as have room in memory, or none when
    /// there are no more.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_groups_after(
        &self,
        of: CopyOf,
        after: Option<(ProjectKey, String)>,
    ) -> Result<Vec<(ProjectKey, Group)>, RepositoryError> {
        run!(self.list_groups_after(of, after))
    }

    /// The organization's clients, newest first; of one live project, if it is given.
    ///
    /// # Errors
    /// When the organization has no such project, or the catalog cannot be asked.
    pub async fn list_clients(
        &self,
        organization: OrganizationId,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Client>, RepositoryError> {
        run!(self.list_clients(organization, project, page))
    }

    /// One client.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be asked.
    pub async fn get_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
    ) -> Result<Client, RepositoryError> {
        run!(self.get_client(organization, id))
    }

    /// Makes a client.
    ///
    /// # Errors
    /// When the organization has no such live project, when the settings do not go with its
    /// type, or when the catalog cannot be written.
    pub async fn create_client(
        &self,
        organization: OrganizationId,
        new: NewClient,
        credentials: NewCredentials,
        act: Act,
        once: Option<Once<Client>>,
    ) -> Result<Outcome<Client>, RepositoryError> {
        run!(self.create_client(organization, new, credentials, act, once))
    }

    /// Changes a client.
    ///
    /// # Errors
    /// When the organization has none of this id, when the settings do not go with its type,
    /// when no usable root client would remain, or when the catalog cannot be written.
    pub async fn update_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
        changes: ClientChanges,
        rule: RootRule,
        act: Act,
    ) -> Result<Client, RepositoryError> {
        run!(self.update_client(organization, id, changes, rule, act))
    }

    /// Removes a client for good.
    ///
    /// # Errors
    /// When the organization has none of this id, when no usable root client would remain, or
    /// when the catalog cannot be written.
    pub async fn delete_client(
        &self,
        organization: OrganizationId,
        id: ClientId,
        rule: RootRule,
        act: Act,
    ) -> Result<(), RepositoryError> {
        run!(self.delete_client(organization, id, rule, act))
    }

    /// Gives a client a new secret. The one it replaces works until `previous_expires_at`, if
    /// that is given; every older one ends at once.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be written.
    pub async fn rotate_secret(
        &self,
        organization: OrganizationId,
        id: ClientId,
        hash: SecretHash,
        previous_expires_at: Option<Timestamp>,
        act: Act,
        once: Option<Once<Rotated>>,
    ) -> Result<Outcome<Rotated>, RepositoryError> {
        run!(self.rotate_secret(organization, id, hash, previous_expires_at, act, once))
    }

    /// Writes down when clients were last used. A later use that is already known stays.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn record_uses(
        &self,
        uses: BTreeMap<ClientId, Timestamp>,
    ) -> Result<(), RepositoryError> {
        run!(self.record_uses(uses))
    }

    /// The audit log of the organization, newest first.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_audit_entries(
        &self,
        organization: OrganizationId,
        filter: AuditFilter,
        page: PageRequest,
    ) -> Result<Page<AuditEntry>, RepositoryError> {
        run!(self.list_audit_entries(organization, filter, page))
    }

    /// Forgets the replies that were kept for requests that are carried out at most once, and
    /// whose time is over.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn forget_replies(&self, now: Timestamp) -> Result<(), RepositoryError> {
        run!(self.forget_replies(now))
    }

    /// Keeps a token of the console. Of a hundred of a client the oldest makes room; returns the
    /// hashes of the sessions that ended, or `None`, and nothing is kept, when the token to sign in
    /// with is not there any more: of two that come with it one gets a session.
    ///
    /// # Errors
    /// When the organization has no such client, or the catalog cannot be written.
    pub async fn create_console_token(
        &self,
        organization: OrganizationId,
        new: NewConsoleToken,
        now: Timestamp,
    ) -> Result<Option<Vec<TokenHash>>, RepositoryError> {
        run!(self.create_console_token(organization, new, now))
    }

    /// What a token to sign in with stands for. It is used up by
    /// [`create_console_token`](Self::create_console_token).
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_sign_in(&self, token: TokenHash) -> Result<Option<Session>, RepositoryError> {
        run!(self.find_sign_in(token))
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn end_session(&self, token: TokenHash) -> Result<(), RepositoryError> {
        run!(self.end_session(token))
    }

    /// Forgets sessions, tokens to sign in with, and share links, whose time is over.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub async fn forget_ended_sessions(&self, now: Timestamp) -> Result<(), RepositoryError> {
        run!(self.forget_ended_sessions(now))
    }

    /// The share links of a live project, newest first: a hundred at most.
    ///
    /// # Errors
    /// When the organization has no such project, or the catalog cannot be asked.
    pub async fn list_share_links(
        &self,
        organization: OrganizationId,
        project: ProjectId,
    ) -> Result<Vec<ShareLink>, RepositoryError> {
        run!(self.list_share_links(organization, project))
    }

    /// Makes a share link.
    ///
    /// # Errors
    /// When the organization has no such live project, when that has a hundred links, or when the
    /// catalog cannot be written.
    pub async fn create_share_link(
        &self,
        organization: OrganizationId,
        new: NewShare,
        act: Act,
        once: Option<Once<ShareLink>>,
    ) -> Result<Outcome<ShareLink>, RepositoryError> {
        run!(self.create_share_link(organization, new, act, once))
    }

    /// Removes a share link for good, of this maker if one is named. Returns by what the sessions
    /// are found that ended with it.
    ///
    /// # Errors
    /// When the project has none of this id, when another client made it, or the catalog cannot be
    /// written.
    pub async fn delete_share_link(
        &self,
        organization: OrganizationId,
        project: ProjectId,
        id: ShareLinkId,
        maker: Option<ClientId>,
        act: Act,
    ) -> Result<TokenHash, RepositoryError> {
        run!(self.delete_share_link(organization, project, id, maker, act))
    }

    /// What the link shows whose token has this hash.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_share(&self, token: TokenHash) -> Result<Option<Share>, RepositoryError> {
        run!(self.find_share(token))
    }

    /// Removes from the catalog's files what is left in them of what was deleted. Writes wait
    /// meanwhile. A database server takes care of its own files.
    ///
    /// # Errors
    /// When the catalog cannot be written, or there is no room to write it anew.
    pub async fn compact(&self) -> Result<(), RepositoryError> {
        match &self.backend {
            Backend::Sqlite(store) => {
                let store = store.clone();
                self.detach(async move { store.compact().await }).await
            }
            Backend::Postgres(_) => Ok(()),
        }
    }

    /// The references of the organization's live projects, newest first; of one project, if it
    /// is given.
    ///
    /// # Errors
    /// When the organization has no such project, or the catalog cannot be asked.
    pub async fn list_references(
        &self,
        organization: OrganizationId,
        project: Option<ProjectId>,
        page: PageRequest,
    ) -> Result<Page<Reference>, RepositoryError> {
        run!(self.list_references(organization, project, page))
    }

    /// The references of a project that are about a time from `start` on and before `end`, the
    /// earliest first; of more than a thousand the latest.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn list_references_between(
        &self,
        project: Project,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<Reference>, RepositoryError> {
        run!(self.list_references_between(project, start, end))
    }

    /// One reference of a live project.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be asked.
    pub async fn get_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
    ) -> Result<Reference, RepositoryError> {
        run!(self.get_reference(organization, id))
    }

    /// Makes a reference.
    ///
    /// # Errors
    /// When the organization has no such live project, or the catalog cannot be written.
    pub async fn create_reference(
        &self,
        organization: OrganizationId,
        new: NewReference,
        id: ReferenceId,
        act: Act,
        once: Option<Once<Reference>>,
    ) -> Result<Outcome<Reference>, RepositoryError> {
        run!(self.create_reference(organization, new, id, act, once))
    }

    /// Changes a reference.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be written.
    pub async fn update_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
        changes: ReferenceChanges,
        act: Act,
    ) -> Result<Reference, RepositoryError> {
        run!(self.update_reference(organization, id, changes, act))
    }

    /// Removes a reference for good.
    ///
    /// # Errors
    /// When the organization has none of this id, or the catalog cannot be written.
    pub async fn delete_reference(
        &self,
        organization: OrganizationId,
        id: ReferenceId,
        act: Act,
    ) -> Result<(), RepositoryError> {
        run!(self.delete_reference(organization, id, act))
    }
}

impl CredentialStore for Repository {
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_> {
        Box::pin(async move {
            let found: Result<Option<Credentials>, RepositoryError> =
                run!(self.find_credentials(id));
            Ok(found?)
        })
    }

    fn find_session(&self, token: TokenHash) -> SessionFuture<'_> {
        Box::pin(async move {
            let found: Result<Option<StoredSession>, RepositoryError> =
                run!(self.find_session(token));
            Ok(found?)
        })
    }

    fn replace_hash(
        &self,
        id: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let replaced: Result<(), RepositoryError> = run!(self.replace_hash(id, outdated, hash));
            if let Err(error) = replaced {
                let error = ErrorChain(&error);
                tracing::warn!(client.id = %id, %error, "a secret keeps its slow hash for now");
            }
        })
    }
}

impl std::fmt::Debug for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.backend {
            Backend::Sqlite(_) => "Repository(SQLite)",
            Backend::Postgres(_) => "Repository(PostgreSQL)",
        })
    }
}
