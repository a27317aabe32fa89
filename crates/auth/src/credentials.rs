//! What is looked up of a client, and where.

use std::{pin::Pin, sync::Arc};

use paneld_domain::{
    Client, ClientId, ClientType, CorsEntry, Filter, Organization, OrganizationId, Project,
    Timestamp,
};

use crate::{SecretHash, StoredSession, TokenHash};

/// All that is known of a client: what authentication needs, in one look-up.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client whose credentials these are.
    pub client: Client,
    /// The organization that the client belongs to.
    pub organization: Organization,
    /// The project it is bound to, deleted or not.
    pub project: Option<Project>,
    /// Its secrets: the present one, and for a grace the one it replaced.
    pub secrets: Vec<StoredSecret>,
}

impl Credentials {
    /// Those of a new client of an organization, bound to no project: with this secret, and
    /// nothing else that differs from the defaults.
    pub fn new(
        id: ClientId,
        organization_id: OrganizationId,
        client_type: ClientType,
        hash: SecretHash,
        now: Timestamp,
    ) -> Self {
        Self {
            client: Client::new(id, organization_id.clone(), client_type, now),
            organization: Organization::new(organization_id, now),
            project: None,
            secrets: vec![StoredSecret {
                hash,
                expires_at: None,
            }],
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> u64 {
        const FIXED: usize = 1_024;
        const LIST_ENTRY: usize = 64;
        let texts = |cors: &[CorsEntry]| -> usize {
            let sizes = cors.iter().map(|entry| LIST_ENTRY + entry.as_str().len());
            sizes.sum()
        };
        let client = self.client.cors.as_deref().map_or(0, texts)
            + self.client.allowed_ips.len() * LIST_ENTRY;
        let project = self.project.as_ref().map_or(0, |project| {
            let filters = project.filters.iter().map(|filter| {
                LIST_ENTRY
                    + match filter {
                        Filter::Ip(ip) => ip.as_str().len(),
                        Filter::ProfileId(id) => id.as_str().len(),
                        Filter::Event(name) => name.as_str().len(),
                    }
            });
            texts(&project.cors) + filters.sum::<usize>()
        });
        (FIXED + client + project) as u64
    }
}

/// One secret of a client.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The secret's hash, the only form in which it is kept.
    pub hash: SecretHash,
    /// From when on a secret that was replaced does not work any more.
    pub expires_at: Option<Timestamp>,
}

impl StoredSecret {
    /// Whether the secret still works at this time.
    pub fn works(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// Where credentials are looked up. [`MemoryCredentials`](crate::MemoryCredentials) is one; your
/// database can be another.
pub trait CredentialStore: Send + Sync {
    /// The credentials of a client, or `None` when there is no such client.
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_>;

    /// The session whose token has this hash, or `None` when there is no such session. A store
    /// without sessions leaves it as it is here: there are none.
    fn find_session(&self, token: TokenHash) -> SessionFuture<'_> {
        let _ = token;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Puts a hash of the same secret in the place of an outdated one, if that is still there:
    /// called once for each imported hash whose secret was right. When it fails nothing is lost,
    /// for the outdated hash still works. A store without imported hashes leaves it as it is here:
    /// it does nothing.
    fn replace_hash(
        &self,
        id: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let _ = (id, outdated, hash);
        Box::pin(std::future::ready(()))
    }
}

/// What a look-up comes to.
pub type LookupFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Credentials>, StoreUnavailable>> + Send + 'a>>;

/// What a look-up of a session comes to.
pub type SessionFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<StoredSession>, StoreUnavailable>> + Send + 'a>>;

/// The store could not be asked. Nobody's credentials are wrong because of that.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the credentials could not be looked up")]
pub struct StoreUnavailable(#[source] pub Arc<dyn std::error::Error + Send + Sync>);
