//! Who may call what: `docs/contract/auth-and-limits.md` §2, as data.

use paneld_domain::{ClientType, LimitGroup};

/// The APIs that a client may be allowed to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// Reading answers.
    Insights,
    /// Reading raw events.
    Export,
    /// Sending events.
    Track,
    /// Sending past events in bulk.
    Import,
    /// Managing projects, clients and references.
    Manage,
    /// Asking who one is: the part of Manage that is open to every client.
    Identity,
}

/// How far a client type reaches in an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Not at all.
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
    /// Go on.
    Allow,
    /// This client type may not call the API at all.
    DenyApi,
    /// The client is bound to another project, whether the named one exists or not.
    DenyProject,
    /// For this client there is no such project.
    HideProject,
}

/// The table.
const ACCESS: [(Api, [Reach; 3]); 6] = {
    use Reach::{Nothing, Organization, OwnProject};
    [
        //               read        write       root
        (Api::Insights, [OwnProject, Nothing, Organization]),
        (Api::Export, [OwnProject, Nothing, Organization]),
        (Api::Track, [Nothing, OwnProject, Organization]),
        (Api::Import, [Nothing, OwnProject, Organization]),
        (Api::Manage, [Nothing, Nothing, Organization]),
        (Api::Identity, [OwnProject, OwnProject, Organization]),
    ]
};

impl Api {
    /// All of them, in the order of the table.
    pub const ALL: [Self; ACCESS.len()] = {
        let mut all = [Self::Identity; ACCESS.len()];
        let mut row = 0;
        while row < all.len() {
            all[row] = ACCESS[row].0;
            row += 1;
        }
        all
    };

    /// The name under which a client's permission is listed.
    pub fn permission(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Import => "import",
            Self::Export => "export",
            Self::Insights => "insights",
            Self::Manage => "manage",
            Self::Identity => "identity",
        }
    }

    /// The group whose token bucket a request of this API is charged to.
    pub fn limit_group(self) -> LimitGroup {
        match self {
            Self::Track | Self::Import => LimitGroup::Track,
            Self::Export => LimitGroup::Export,
            Self::Insights => LimitGroup::Insights,
            Self::Manage | Self::Identity => LimitGroup::Manage,
        }
    }
}

/// How far a client type reaches in an API.
pub fn reach(api: Api, client_type: ClientType) -> Reach {
    let (_, row) = ACCESS[api as usize];
    match client_type {
        ClientType::Read => row[0],
        ClientType::Write => row[1],
        ClientType::Root => row[2],
    }
}

/// Whether a client type may call an API for a project that stands so to it (§2.1 row 4, §2.3).
/// The APIs that name projects in their requests, Insights and Export, come with the event
/// store; until then only [`reach`] is asked.
pub fn decide(api: Api, client_type: ClientType, standing: Standing) -> Decision {
    match (reach(api, client_type), standing) {
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
        for api in Api::ALL {
            for client_type in ClientType::ALL {
                let cells = [
                    Standing::Own,
                    Standing::Other,
                    Standing::Foreign,
                    Standing::Deleted,
                ]
                .map(|standing| match decide(api, client_type, standing) {
                    Decision::Allow => "yes",
                    Decision::DenyApi => "401",
                    Decision::DenyProject => "403",
                    Decision::HideProject => "404",
                });
                matrix += &format!(
                    "{:<8} {:<6} {:<3} {:<5} {:<7} {}\n",
                    api.permission(),
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

    #[test]
    fn the_table_has_a_row_for_every_api_in_order() {
        for (row, api) in Api::ALL.into_iter().enumerate() {
            assert_eq!(api as usize, row);
        }
    }
}
