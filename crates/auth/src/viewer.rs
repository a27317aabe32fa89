//! Whoever comes with a share link: for whom it stands, and the check of its password.

use std::sync::Arc;

use paneld_domain::{Client, ClientType, Timestamp};

use crate::{Credentials, PlainSecret, Principal, Share, SlowCheck, StoredSecret, known::Known};

impl Principal {
    /// The check of the password of the link that somebody came with.
    pub fn check_password(&self, password: &str, now: Timestamp) -> SlowCheck {
        let password = PlainSecret::of_person(password);
        SlowCheck::of(Arc::clone(&self.known), password, now)
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
