//! Projects that are shown to whoever has a link: `docs/decisions/0034-share-links.md`.

use std::sync::Arc;

use paneld_domain::{Client, ClientType, Organization, Project, ShareLink, Timestamp};

use crate::{Credentials, PlainSecret, SecretHash, SlowCheck, StoredSecret, Token, known::Known};

/// A link, and all that has to be known of what it shows.
#[derive(Debug, Clone)]
pub struct Share {
    /// The link.
    pub link: ShareLink,
    /// The organization of the project.
    pub organization: Organization,
    /// The project, deleted or not.
    pub project: Project,
    /// The hash of the password, where one is needed.
    pub password: Option<SecretHash>,
}

impl Share {
    /// The token that stands for the link's own together with the password, so that no session of
    /// a viewer has to be written down: who has it has had both.
    pub fn session_token(token: &Token, password: Option<&SecretHash>) -> Token {
        let password = password.map(SecretHash::to_stored).unwrap_or_default();
        token.derive("paneld share session 1", &password)
    }

    /// The check of a password, if one is needed.
    pub fn check_password(&self, password: &str, now: Timestamp) -> Option<SlowCheck> {
        self.password.as_ref()?;
        let known = Arc::new(Known::of_share(self.clone()));
        Some(SlowCheck::of(known, PlainSecret::of_person(password), now))
    }
}

impl Known {
    /// Whoever comes with a link stands for a client that there is only for them: bound to the
    /// project, and of a type that reaches nothing but the overview.
    pub(crate) fn of_share(share: Share) -> Self {
        let Share {
            link,
            organization,
            project,
            password,
        } = share;
        let client = Client {
            name: link.name,
            project_id: Some(link.project_id),
            expires_at: link.expires_at,
            ..Client::new(
                link.id.into(),
                organization.id.clone(),
                ClientType::Share,
                link.created_at,
            )
        };
        let password = password.map(|hash| StoredSecret {
            hash,
            expires_at: None,
        });
        Self::new(Credentials {
            client,
            organization,
            project: Some(project),
            secrets: password.into_iter().collect(),
        })
    }
}
