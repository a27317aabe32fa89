//! What is looked up of a client, and where.

use std::{pin::Pin, sync::Arc};

use paneld_domain::{Client, ClientId, CorsEntry, Filter, Organization, Project, Timestamp};

use crate::SecretHash;

/// All that is known of a client: what authentication needs, in one look-up.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The client.
    pub client: Client,
    /// Its organization.
    pub organization: Organization,
    /// The project it is bound to, deleted or not.
    pub project: Option<Project>,
    /// Its secrets: the present one, and for a grace the one it replaced.
    pub secrets: Vec<StoredSecret>,
}

impl Credentials {
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
    /// Its hash.
    pub hash: SecretHash,
    /// When it ends, for a secret that was replaced.
    pub expires_at: Option<Timestamp>,
}

impl StoredSecret {
    /// Whether it still works.
    pub fn works(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}

/// Where credentials are looked up.
pub trait CredentialStore: Send + Sync {
    /// The credentials of a client, or `None` when there is no such client.
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_>;

    /// Puts a hash of the same secret in the place of an outdated one, if that is still there.
    /// When it fails nothing is lost: the outdated hash goes on to do.
    fn replace_hash(
        &self,
        id: ClientId,
        outdated: SecretHash,
        hash: SecretHash,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// What a look-up comes to.
pub type LookupFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Credentials>, StoreUnavailable>> + Send + 'a>>;

/// The store could not be asked. Nobody's credentials are wrong because of that.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the credentials could not be looked up")]
pub struct StoreUnavailable(#[source] pub Arc<dyn std::error::Error + Send + Sync>);
