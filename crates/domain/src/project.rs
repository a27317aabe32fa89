//! Projects: what events are sent to.

use std::{num::NonZeroU32, str::FromStr};

use crate::{
    AddressRange, CorsEntry, Domain, EventName, InvalidValue, Name, OrganizationId, ProfileId,
    ProjectId, ProjectKey, Timestamp, organization::set,
};

/// A site, app or backend whose events are kept apart from others'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The internal key on which its data hangs.
    pub key: ProjectKey,
    /// The project's readable id, made from its first name and never given out again.
    pub id: ProjectId,
    /// The organization that owns it.
    pub organization_id: OrganizationId,
    /// The name that people know it by.
    pub name: Name,
    /// The address of its site.
    pub domain: Option<Domain>,
    /// Origins from which browsers may send events without a secret.
    pub cors: Vec<CorsEntry>,
    /// Whether one visitor is followed across several domains.
    pub cross_domain: bool,
    /// Whether revenue is accepted without a secret.
    pub allow_unsafe_revenue_tracking: bool,
    /// Events that are not stored.
    pub filters: Vec<Filter>,
    /// What sends its events: web sites, apps, servers.
    pub types: Vec<ProjectType>,
    /// How long events are kept; `None` is for ever.
    pub retention_days: Option<RetentionDays>,
    /// When the project was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it will be purged, if it was deleted.
    pub delete_at: Option<Timestamp>,
}

impl Project {
    /// Whether it exists for its users: not deleted, not even softly.
    pub fn is_live(&self) -> bool {
        self.delete_at.is_none()
    }
}

/// A project to make, without an id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// The name of the project, from which its id is made.
    pub name: Name,
    /// Everything else that differs from the defaults.
    pub settings: ProjectChanges,
}

impl NewProject {
    /// The project with this key and id: the defaults, then the settings.
    pub fn build(
        self,
        key: ProjectKey,
        id: ProjectId,
        organization_id: OrganizationId,
        now: Timestamp,
    ) -> Project {
        let mut project = Project {
            key,
            id,
            organization_id,
            name: self.name,
            domain: None,
            cors: Vec::new(),
            cross_domain: false,
            allow_unsafe_revenue_tracking: false,
            filters: Vec::new(),
            types: Vec::new(),
            retention_days: None,
            created_at: now,
            updated_at: now,
            delete_at: None,
        };
        self.settings.apply(&mut project, now);
        project
    }
}

/// What to change of a project; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectChanges {
    /// A new name for the project.
    pub name: Option<Name>,
    /// A new domain; `Some(None)` clears it.
    pub domain: Option<Option<Domain>>,
    /// A new list of origins that may send events.
    pub cors: Option<Vec<CorsEntry>>,
    /// Whether to follow visitors across domains.
    pub cross_domain: Option<bool>,
    /// Whether to accept revenue without a secret.
    pub allow_unsafe_revenue_tracking: Option<bool>,
    /// A new list of events that are not stored.
    pub filters: Option<Vec<Filter>>,
    /// A new list of what sends its events.
    pub types: Option<Vec<ProjectType>>,
    /// A new retention; `Some(None)` keeps events for ever.
    pub retention_days: Option<Option<RetentionDays>>,
}

impl ProjectChanges {
    /// Makes the changes, and cancels a deletion, which any change does. Where nothing changes,
    /// `updated_at` stays as it is.
    pub fn apply(self, project: &mut Project, now: Timestamp) {
        if self == Self::default() && project.is_live() {
            return;
        }
        let Self {
            name,
            domain,
            cors,
            cross_domain,
            allow_unsafe_revenue_tracking,
            filters,
            types,
            retention_days,
        } = self;
        set(&mut project.name, name);
        set(&mut project.domain, domain);
        set(&mut project.cors, cors);
        set(&mut project.cross_domain, cross_domain);
        set(
            &mut project.allow_unsafe_revenue_tracking,
            allow_unsafe_revenue_tracking,
        );
        set(&mut project.filters, filters);
        set(&mut project.types, types);
        set(&mut project.retention_days, retention_days);
        project.delete_at = None;
        project.updated_at = now;
    }
}

/// What sends a project's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectType {
    /// A web site, whose pages track in browsers.
    Website,
    /// A mobile or desktop app.
    App,
    /// A server that tells what its users did.
    Backend,
}

impl ProjectType {
    /// All types of projects, in the order in which they are documented.
    pub const ALL: [Self; 3] = [Self::Website, Self::App, Self::Backend];

    /// The name of the type on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Website => "website",
            Self::App => "app",
            Self::Backend => "backend",
        }
    }
}

impl FromStr for ProjectType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str() == text)
            .ok_or(InvalidValue::new("must be one of website, app, backend"))
    }
}

/// Events that a project does not want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// From this address or network.
    Ip(AddressRange),
    /// Events of the profile with this id.
    ProfileId(ProfileId),
    /// Events of exactly this name.
    Event(EventName),
}

/// For how many days events are kept: 1 to 36,500.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionDays(NonZeroU32);

impl RetentionDays {
    /// For how many days events are kept.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl TryFrom<u64> for RetentionDays {
    type Error = InvalidValue;

    fn try_from(days: u64) -> Result<Self, Self::Error> {
        u32::try_from(days)
            .ok()
            .filter(|&days| days <= 36_500)
            .and_then(NonZeroU32::new)
            .map(Self)
            .ok_or(InvalidValue::new("must be from 1 to 36500 days"))
    }
}
