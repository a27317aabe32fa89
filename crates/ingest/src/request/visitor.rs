//! Who sends something, and what can be known of the visitor by that.

use std::{net::IpAddr, sync::Arc};

use paneld_domain::{Agent, OrganizationId, Place, ProjectKey, Sdk};
use paneld_enrich::{Hints, Network};

use crate::{DeviceId, Salt};

/// The user agent of devices that do not tell theirs.
const UNKNOWN_AGENT: &str = "unknown/1.0";

/// The project that something is tracked for.
#[derive(Debug, Clone)]
pub struct Target {
    /// The key of the project in the event store.
    pub key: ProjectKey,
    /// The public id of the project.
    pub id: String,
    /// The organization that owns it.
    pub organization: OrganizationId,
    /// The names of events that it does not want.
    pub unwanted: Vec<String>,
}

impl Target {
    /// Whether it wants events of this name.
    pub(crate) fn wants(&self, name: &str) -> bool {
        !self.unwanted.iter().any(|unwanted| unwanted == name)
    }
}

/// What a request tells of its visitor, beside its body.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Where the visitor is, as the caller says.
    pub address: IpAddr,
    /// The user agent, or empty.
    pub user_agent: String,
    /// The page's origin, when a browser sends it.
    pub origin: Option<String>,
    /// What software of ours sends it.
    pub sdk: Sdk,
    /// The client hints that browsers send beside the user agent.
    pub hints: Hints,
    /// Whether the caller knows the secret: then it is no browser, and no bot.
    pub is_secret_authenticated: bool,
}

impl Visitor {
    /// The device, under the salt of a day.
    pub(crate) fn device(&self, target: &Target, address: IpAddr, salt: &Salt) -> DeviceId {
        let agent = match self.user_agent.as_str() {
            "" => UNKNOWN_AGENT,
            agent => agent,
        };
        DeviceId::derive(agent, &address.to_string(), &target.id, salt)
    }
}

/// What is known of a visitor.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) agent: Arc<Agent>,
    pub(crate) place: Place,
    pub(crate) network: Network,
}
