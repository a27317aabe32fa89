//! Whoever comes with a share link: for whom it stands, and whether its password is right.

use std::sync::Arc;

use paneld_domain::{Client, ClientType, Timestamp};

use crate::{Credentials, PlainSecret, Share, SlowCheck, StoredSecret, known::Known};

impl Share {
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
