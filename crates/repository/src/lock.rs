//! What a unit of work that writes has to itself until it ends.

use paneld_domain::OrganizationId;

use crate::receipt::{Once, ReplyKey};

/// What no other unit of work that names the same may change meanwhile. In SQLite writers are
/// in line anyway, and only the reply is locked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lock<'a> {
    /// Nothing: the unit's statements are right whatever happens between them.
    Nothing,
    /// Whether there are organizations at all, and the first of them.
    Beginning,
    /// The salts.
    Salts,
    /// Which servers there are.
    Servers,
    /// All that belongs to an organization, which need not exist; and a reply that will be kept.
    /// Who finds the reply locked does not wait for it.
    Organization(&'a OrganizationId, Option<ReplyKey>),
}

impl<'a> Lock<'a> {
    /// The lock for a change of what belongs to an organization.
    pub(crate) fn organization(id: &'a OrganizationId) -> Self {
        Self::Organization(id, None)
    }

    /// The same for what may be carried out at most once.
    pub(crate) fn creation<T>(id: &'a OrganizationId, once: Option<&Once<T>>) -> Self {
        Self::Organization(id, once.map(|once| once.key))
    }
}
