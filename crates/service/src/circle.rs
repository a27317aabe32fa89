//! By whom turns are shared.

use paneld_auth::{Authorized, permission::Permission};
use paneld_domain::{ClientId, OrganizationId};

/// Turns are shared by organization, and within one by client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Circle {
    Organization(OrganizationId),
    Client(ClientId),
}

impl Circle {
    pub(crate) fn both(organization: &OrganizationId, client: ClientId) -> [Self; 2] {
        [
            Self::Organization(organization.clone()),
            Self::Client(client),
        ]
    }

    pub(crate) fn both_of<P: Permission>(caller: &Authorized<P>) -> [Self; 2] {
        Self::both(caller.organization_id(), caller.taker_of_turns())
    }
}
