//! A catalog of its own for each test.

use std::{net::IpAddr, time::Duration};

use diesel::{Connection as _, connection::SimpleConnection as _};
use paneld_auth::{PlainSecret, SecretHash};
use paneld_domain::{
    Client, ClientChanges, ClientId, ClientType, Name, NewClient, NewProject, Organization,
    OrganizationId, Project, ProjectChanges, Timestamp, parse_timestamp,
};
use paneld_repository::{Act, CatalogUrl, NewCredentials, Repository, RepositoryError, RootRule};
use paneld_testing::Database;
use tempfile::TempDir;

/// Where the catalog of a test is. It is removed at the end.
pub(crate) enum Place {
    Sqlite(TempDir),
    Postgres(Database),
}

impl Place {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) fn postgres() -> Self {
        Self::Postgres(Database::create())
    }

    pub(crate) fn url(&self) -> CatalogUrl {
        match self {
            Self::Sqlite(folder) => CatalogUrl::Sqlite(folder.path().join("catalog.sqlite")),
            Self::Postgres(database) => database.url().parse().unwrap(),
        }
    }

    pub(crate) fn database(&self) -> &Database {
        match self {
            Self::Postgres(database) => database,
            Self::Sqlite(_) => panic!("it was asked for a file"),
        }
    }

    /// Runs statements on the tables.
    pub(crate) async fn execute(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("catalog.sqlite");
                let file = file.to_str().unwrap();
                let mut connection = diesel::SqliteConnection::establish(file).unwrap();
                connection.batch_execute(sql).unwrap();
            }
            Self::Postgres(database) => {
                let connection = database.connect().await;
                connection.batch_execute(sql).await.unwrap();
            }
        }
    }

    /// Runs the work while somebody else, for whom all writers of an organization must wait, is
    /// in the middle of a transaction.
    pub(crate) async fn while_held<T>(
        &self,
        organization: &OrganizationId,
        work: impl Future<Output = T>,
    ) -> T {
        match self {
            Self::Sqlite(folder) => {
                let file = folder.path().join("catalog.sqlite");
                let file = file.to_str().unwrap();
                let mut holder = diesel::SqliteConnection::establish(file).unwrap();
                holder.batch_execute("BEGIN IMMEDIATE").unwrap();
                let result = work.await;
                holder.batch_execute("ROLLBACK").unwrap();
                result
            }
            Self::Postgres(database) => {
                let holder = database.connect().await;
                let take = format!(
                    "BEGIN; SELECT 1 FROM organizations WHERE id = '{organization}' FOR UPDATE"
                );
                holder.batch_execute(&take).await.unwrap();
                let result = work.await;
                holder.batch_execute("ROLLBACK").await.unwrap();
                result
            }
        }
    }
}

/// A catalog with an organization.
pub(crate) struct World {
    pub(crate) repository: Repository,
    pub(crate) organization: Organization,
    pub(crate) place: Place,
}

/// Runs a test in a world of its own.
pub(crate) fn run(place: Place, test: impl AsyncFnOnce(World)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { test(World::new(place).await).await });
}

impl World {
    pub(crate) async fn new(place: Place) -> Self {
        let repository = Repository::open(&place.url()).await.unwrap();
        let organization = repository
            .create_organization(name("Acme"), act())
            .await
            .unwrap();
        Self {
            repository,
            organization,
            place,
        }
    }

    /// The same catalog as another process sees it, over connections of its own.
    pub(crate) async fn another_process(&self) -> Repository {
        Repository::open(&self.place.url()).await.unwrap()
    }

    pub(crate) async fn create_client(&self, client_type: ClientType, at: Timestamp) -> Client {
        let created = self.repository.create_client(
            self.organization.id.clone(),
            new_client(client_type),
            credentials(),
            Act::of_operator(at),
            None,
        );
        created.await.unwrap().made().unwrap()
    }

    pub(crate) async fn create_project(&self) -> Project {
        let created = self.repository.create_project_with_client(
            self.organization.id.clone(),
            new_project(),
            new_client(ClientType::Write),
            credentials(),
            act(),
            None,
        );
        created.await.unwrap().made().unwrap()
    }
}

pub(crate) async fn delete_client(
    repository: &Repository,
    organization: &Organization,
    id: ClientId,
) -> Result<(), RepositoryError> {
    let rule = RootRule::Enforced {
        peer: IpAddr::from([192, 0, 2, 7]),
    };
    repository
        .delete_client(organization.id.clone(), id, rule, act())
        .await
}

pub(crate) fn new_client(client_type: ClientType) -> NewClient {
    NewClient {
        name: name("Client"),
        client_type,
        project_id: None,
        settings: ClientChanges::default(),
    }
}

pub(crate) fn new_project() -> NewProject {
    NewProject {
        name: name("Shop"),
        settings: ProjectChanges::default(),
    }
}

pub(crate) fn now() -> Timestamp {
    parse_timestamp("2026-01-15T10:30:00.123456Z").unwrap()
}

/// What the operator does now.
pub(crate) fn act() -> Act {
    Act::of_operator(now())
}

pub(crate) fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn credentials() -> NewCredentials {
    NewCredentials {
        id: ClientId::random(&mut rand::rng()),
        hash: SecretHash::of(&PlainSecret::generate()),
    }
}
