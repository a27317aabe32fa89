//! `paneld admin clients`.

mod settings;

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use heck::ToKebabCase as _;
use paneld_auth::SecretHash;
use paneld_domain::{
    ClientChanges, ClientId, ClientType, LONGEST_GRACE_SECONDS, Name, NewClient, OrganizationId,
    PathStep, ProjectId,
};
use paneld_http::{ClientBody, RotatedBody};
use paneld_service::{Admin, ServiceError};

use self::settings::ClientSettings;
use super::{output::Output, which_organization::WhichOrganization};

#[derive(Debug, Subcommand)]
pub(crate) enum ClientsCommand {
    /// List the clients of an organization, newest first
    List {
        #[command(flatten)]
        organization: WhichOrganization,
    },
    /// Show a client
    Get {
        /// Its id
        id: ClientId,
    },
    /// Make a client, and print its secret, this once
    Create {
        #[command(flatten)]
        client: ClientToMake,
    },
    /// Take over a client from an OpenPanel server; its secret goes on to work
    Import {
        /// Its id there
        #[arg(long)]
        id: ClientId,
        /// The file with its hashed secret, <salt>.<key> as it is stored there; - is standard
        /// input
        #[arg(long, value_name = "PATH")]
        hash_file: PathBuf,
        #[command(flatten)]
        client: ClientToMake,
    },
    /// Change a client
    Update {
        /// Its id
        id: ClientId,
        /// A new name
        #[arg(long)]
        name: Option<Name>,
        #[command(flatten)]
        settings: ClientSettings,
    },
    /// Give a client a new secret, and print it, this once
    Rotate {
        /// Its id
        id: ClientId,
        /// For how many seconds the replaced secret still works, at most a week
        #[arg(long, default_value_t = 0,
            value_parser = clap::value_parser!(u32).range(..=i64::from(LONGEST_GRACE_SECONDS)))]
        grace_seconds: u32,
    },
    /// Delete a client for good, also a last root client
    Delete {
        /// Its id
        id: ClientId,
    },
}

/// A client to make or to take over.
#[derive(Debug, Args)]
pub(crate) struct ClientToMake {
    /// Its name
    #[arg(long)]
    name: Name,
    /// What it may do: read, write or root
    #[arg(long, default_value = "write")]
    r#type: ClientType,
    /// The project it is bound to; needed for read and write clients
    #[arg(long)]
    project: Option<ProjectId>,
    #[command(flatten)]
    organization: WhichOrganization,
    #[command(flatten)]
    settings: ClientSettings,
}

impl ClientsCommand {
    pub(super) fn is_change(&self) -> bool {
        !matches!(self, Self::List { .. } | Self::Get { .. })
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "name",
    "type",
    "projectId",
    "organizationId",
    "enabled",
    "expiresAt",
    "lastUsedAt",
    "createdAt",
];

pub(super) async fn run(admin: &Admin, command: ClientsCommand) -> anyhow::Result<Output> {
    match command {
        ClientsCommand::List { organization } => {
            let organization = organization.find(admin).await?;
            let all = admin.list_clients(organization).await?;
            Output::list(COLUMNS, all.into_iter().map(ClientBody::from))
        }
        ClientsCommand::Get { id } => {
            let found = admin.get_client(id).await?;
            Output::thing(COLUMNS, ClientBody::from(found))
        }
        ClientsCommand::Create { client } => {
            let (organization, new) = client.read(admin).await?;
            let created = admin.create_client(organization, new).await;
            Output::thing(COLUMNS, ClientBody::from(created.map_err(explain)?))
        }
        ClientsCommand::Import {
            id,
            hash_file,
            client,
        } => {
            let hash = read_hash(&hash_file)?;
            let (organization, new) = client.read(admin).await?;
            let imported = admin.import_client(organization, new, id, hash).await;
            Output::thing(COLUMNS, ClientBody::from(imported.map_err(explain)?))
        }
        ClientsCommand::Update { id, name, settings } => {
            let mut changes = settings.into_changes();
            changes.name = name;
            ensure!(
                changes != ClientChanges::default(),
                "say what to change, such as --enabled false"
            );
            let updated = admin.update_client(id, changes).await;
            Output::thing(COLUMNS, ClientBody::from(updated.map_err(explain)?))
        }
        ClientsCommand::Rotate { id, grace_seconds } => {
            let grace = Duration::from_secs(grace_seconds.into());
            let rotated = admin.rotate_secret(id, grace).await?;
            Output::thing(COLUMNS, RotatedBody::from(rotated))
        }
        ClientsCommand::Delete { id } => {
            admin.delete_client(id).await?;
            Ok(Output::Done(format!("Deleted the client {id}.")))
        }
    }
}

impl ClientToMake {
    async fn read(self, admin: &Admin) -> anyhow::Result<(OrganizationId, NewClient)> {
        let organization = self.organization.find(admin).await?;
        let new = NewClient {
            name: self.name,
            client_type: self.r#type,
            project_id: self.project,
            settings: self.settings.into_changes(),
        };
        Ok((organization, new))
    }
}

/// Reads a hashed secret. It has no place in a shell's history.
fn read_hash(path: &Path) -> anyhow::Result<SecretHash> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read {}", path.display()))?;
    let hash = SecretHash::imported(text.trim());
    hash.with_context(|| format!("what {} holds", path.display()))
}

/// Tells what does not go together, which the error itself leaves to its fields.
fn explain(error: ServiceError) -> anyhow::Error {
    match error {
        ServiceError::Invalid(problems) => {
            let problems = problems
                .iter()
                .map(|problem| format!("{} {}", flag_of(&problem.path), problem.message));
            anyhow::anyhow!(problems.collect::<Vec<_>>().join("; "))
        }
        other => other.into(),
    }
}

/// The flag that stands for a field of the API.
fn flag_of(path: &[PathStep]) -> String {
    let names = path.iter().map(ToString::to_string);
    match names.collect::<Vec<_>>().join(".").as_str() {
        "projectId" => "--project".to_owned(),
        field => format!("--{}", field.to_kebab_case()),
    }
}
