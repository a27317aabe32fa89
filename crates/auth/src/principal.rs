//! Who calls: a client, as a request presents it, and as it has proven to be.

use std::{net::IpAddr, sync::Arc};

use paneld_domain::{Client, ClientId, Organization, OrganizationId, Project, ProjectKey};

use crate::known::Known;

/// What a request says about its caller.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// The client's id, as it was sent.
    pub client_id: Option<&'a str>,
    /// The client's secret, as it was sent.
    pub secret: Option<&'a str>,
}

/// A client that has proven who it is, and where it calls from.
#[derive(Debug, Clone)]
pub struct Principal {
    pub(crate) known: Arc<Known>,
    pub(crate) peer: IpAddr,
}

impl Principal {
    /// The client whose credentials were right.
    pub fn client(&self) -> &Client {
        &self.known.credentials.client
    }

    /// The organization that the client belongs to.
    pub fn organization(&self) -> &Organization {
        &self.known.credentials.organization
    }

    /// The project that the client is bound to; `None` is the whole organization.
    pub fn project(&self) -> Option<&Project> {
        self.known.credentials.project.as_ref()
    }

    /// What anybody could claim who names its client.
    pub fn claim(&self) -> Claim {
        Claim::of(&self.known)
    }

    /// The peer address that the client calls from.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }
}

/// The client that a caller names without proof, and its own project. Anybody can name it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The client that is named; there is such a client.
    pub client: ClientId,
    /// The project it is bound to, with the organization.
    pub project: Option<(OrganizationId, ProjectKey)>,
}

impl Claim {
    pub(crate) fn of(known: &Known) -> Self {
        let project = known.credentials.project.as_ref();
        Self {
            client: known.credentials.client.id,
            project: project.map(|project| (project.organization_id.clone(), project.key)),
        }
    }
}
