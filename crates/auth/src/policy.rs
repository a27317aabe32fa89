//! Who may call what: `docs/contract/auth-and-limits.md` §2, as data.
//!
//! An [`Api`] says how far each type of client reaches in it. [`decide`] is the policy: whether a
//! client may call an API for a project. `paneld`'s own APIs are values like those of any other
//! service.

use paneld_domain::{ClientType, LimitGroup, limit_group};

/// An API that clients may be allowed to call.
///
/// ```
/// use paneld_auth::policy::{Access, Api};
/// use paneld_domain::LimitGroup;
///
/// const BILLING: Api = Api::new("billing", Access::READERS)
///     .labelled("Billing")
///     .limited_with(LimitGroup::new("money"));
/// assert_eq!(BILLING.name(), "billing");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Api {
    name: &'static str,
    label: &'static str,
    refusal: Option<&'static str>,
    limit_group: LimitGroup,
    access: Access,
}

/// How far each type of client reaches in an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// How far clients reach that read.
    pub read: Reach,
    /// How far clients reach that write.
    pub write: Reach,
    /// How far root clients reach.
    pub root: Reach,
    /// How far whoever comes with a share link reaches.
    pub share: Reach,
}

/// How far a client type reaches in an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// To no project: it may not call the API.
    Nothing,
    /// To the project it is bound to.
    OwnProject,
    /// To every live project of its organization.
    Organization,
}

/// Where a project stands to the client that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The one it is bound to.
    Own,
    /// Another live one of its organization.
    Other,
    /// One of another organization, or none at all.
    Foreign,
    /// A deleted one of its organization.
    Deleted,
}

/// What the policy says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The client may call the API for the project.
    Allow,
    /// This client type may not call the API at all.
    DenyApi,
    /// The client is bound to another project, whether the named one exists or not.
    DenyProject,
    /// For this client there is no such project.
    HideProject,
}

impl Access {
    /// For clients that read, each in its own project, and for root clients.
    pub const READERS: Self = Self::new(Reach::OwnProject, Reach::Nothing);
    /// For clients that write, each in its own project, and for root clients.
    pub const WRITERS: Self = Self::new(Reach::Nothing, Reach::OwnProject);
    /// For root clients alone, which reach all projects of their organization.
    pub const ROOT_ONLY: Self = Self::new(Reach::Nothing, Reach::Nothing);
    /// For clients of every type; root clients reach all projects of their organization.
    pub const EVERYONE: Self = Self::new(Reach::OwnProject, Reach::OwnProject);

    const fn new(read: Reach, write: Reach) -> Self {
        Self {
            read,
            write,
            root: Reach::Organization,
            share: Reach::Nothing,
        }
    }

    /// The same, and in the project of their link for those who come with one.
    const fn shared(self) -> Self {
        Self {
            share: Reach::OwnProject,
            ..self
        }
    }

    /// How far a type of client reaches.
    pub const fn of(&self, client_type: ClientType) -> Reach {
        match client_type {
            ClientType::Read => self.read,
            ClientType::Write => self.write,
            ClientType::Root => self.root,
            ClientType::Share => self.share,
        }
    }
}

impl Api {
    /// Reading reports about what was tracked.
    pub const INSIGHTS: Self = Self::new("insights", Access::READERS)
        .labelled("Insights")
        .limited_with(limit_group::INSIGHTS)
        .refusing("Insights: Client is not allowed to read insights");
    /// Reading the overview of a project: the reports that share links show, and no others.
    pub const OVERVIEW: Self = Self {
        name: "overview",
        access: Access::READERS.shared(),
        ..Self::INSIGHTS
    };
    /// Making links that show the overview of a project.
    pub const SHARING: Self = Self {
        name: "sharing",
        access: Access::READERS,
        ..Self::MANAGE
    }
    .refusing("Manage: Only read and root clients are allowed to share");
    /// Reading raw events and charts.
    pub const EXPORT: Self = Self::new("export", Access::READERS)
        .labelled("Export")
        .limited_with(limit_group::EXPORT)
        .refusing("Export: Client is not allowed to export");
    /// Sending events as they happen.
    pub const TRACK: Self = Self::new("track", Access::WRITERS)
        .labelled("Ingestion")
        .limited_with(limit_group::TRACK)
        .refusing("Ingestion: Client is not allowed to track");
    /// Sending past events in bulk.
    pub const IMPORT: Self = Self::new("import", Access::WRITERS)
        .labelled("Import")
        .limited_with(limit_group::TRACK)
        .refusing("Import: Client is not allowed to import");
    /// Managing projects, clients and references.
    pub const MANAGE: Self = Self::new("manage", Access::ROOT_ONLY)
        .labelled("Manage")
        .limited_with(limit_group::MANAGE)
        .refusing("Manage: Only root clients are allowed to manage resources");
    /// Asking who one is: the part of Manage that is open to every client.
    pub const IDENTITY: Self = Self {
        name: "identity",
        access: Access::EVERYONE,
        ..Self::MANAGE
    };

    /// Signing in to the console, and what belongs to a session of it. What the console shows it
    /// asks other APIs for, with the permissions of the client that signed in.
    pub const CONSOLE: Self = Self::new("console", Access::READERS.shared())
        .labelled("Console")
        .limited_with(limit_group::CONSOLE)
        .refusing("Console: Only read and root clients can sign in");

    /// All APIs of `paneld` whose use clients are told of, in the order in which permissions are listed.
    pub const ALL: [Self; 6] = [
        Self::INSIGHTS,
        Self::EXPORT,
        Self::TRACK,
        Self::IMPORT,
        Self::MANAGE,
        Self::IDENTITY,
    ];

    /// An API of this name, which is also the name of its [limit group](LimitGroup) and the
    /// label in its messages, unless they are given.
    ///
    /// # Panics
    /// When the name cannot be that of a limit group: see [`LimitGroup::new`].
    pub const fn new(name: &'static str, access: Access) -> Self {
        Self {
            name,
            label: name,
            refusal: None,
            limit_group: LimitGroup::new(name),
            access,
        }
    }

    /// The same API, whose messages to callers begin with this label: `Billing: …`.
    #[must_use]
    pub const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// The same API, whose requests are charged to the token buckets of this group.
    #[must_use]
    pub const fn limited_with(self, limit_group: LimitGroup) -> Self {
        Self {
            limit_group,
            ..self
        }
    }

    /// The same API, which tells clients whose type may not call it so in these words.
    #[must_use]
    pub const fn refusing(self, message: &'static str) -> Self {
        Self {
            refusal: Some(message),
            ..self
        }
    }

    /// The name, under which a client's permission is listed.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How messages to callers call the API.
    pub const fn label(&self) -> &'static str {
        self.label
    }

    /// What clients are told whose type may not call the API, where it has words of its own.
    pub const fn refusal(&self) -> Option<&'static str> {
        self.refusal
    }

    /// The group whose token buckets a request of this API is charged to.
    pub const fn limit_group(&self) -> LimitGroup {
        self.limit_group
    }

    /// How far each type of client reaches in it.
    pub const fn access(&self) -> Access {
        self.access
    }
}

/// Whether a client type may call an API for a project that stands so to it (§2.1 row 4, §2.3).
pub fn decide(api: &Api, client_type: ClientType, standing: Standing) -> Decision {
    match (api.access.of(client_type), standing) {
        (Reach::Nothing, _) => Decision::DenyApi,
        (Reach::OwnProject, Standing::Own)
        | (Reach::Organization, Standing::Own | Standing::Other) => Decision::Allow,
        (Reach::OwnProject, Standing::Other | Standing::Foreign | Standing::Deleted) => {
            Decision::DenyProject
        }
        (Reach::Organization, Standing::Foreign | Standing::Deleted) => Decision::HideProject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix() {
        let mut matrix = format!(
            "{:<8} {:<6} {:<3} {:<5} {:<7} {}\n",
            "api", "client", "own", "other", "foreign", "deleted"
        );
        for api in Api::ALL
            .into_iter()
            .chain([Api::CONSOLE, Api::OVERVIEW, Api::SHARING])
        {
            for client_type in ClientType::ALL.into_iter().chain([ClientType::Share]) {
                let cells = [
                    Standing::Own,
                    Standing::Other,
                    Standing::Foreign,
                    Standing::Deleted,
                ]
                .map(|standing| match decide(&api, client_type, standing) {
                    Decision::Allow => "yes",
                    Decision::DenyApi => "401",
                    Decision::DenyProject => "403",
                    Decision::HideProject => "404",
                });
                matrix += &format!(
                    "{:<8} {:<6} {:<3} {:<5} {:<7} {}\n",
                    api.name(),
                    client_type.as_str(),
                    cells[0],
                    cells[1],
                    cells[2],
                    cells[3]
                );
            }
        }
        insta::assert_snapshot!(matrix);
    }
}
