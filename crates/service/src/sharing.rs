//! Share links: a project's overview for whoever has one (`docs/decisions/0034-share-links.md`).

use paneld_auth::{Authorized, ProjectAccess, SecretHash, Share, Token, permission};
use paneld_domain::{ClientType, Name, Problem, ShareLink, ShareLinkId, SharePassword, Timestamp};
use paneld_repository::NewShare;

use crate::{
    Answer, CallerCompute, Console, Once, OpenSession, ServiceError, access::access,
    console::SESSION_TIME, manage::act_of,
};

/// A share link to make.
#[derive(Debug)]
pub struct NewShareLink {
    /// What the link is for, as whoever makes it calls it.
    pub name: Name,
    /// What people have to type to see what it shows.
    pub password: Option<SharePassword>,
    /// From when on it shows nothing any more.
    pub expires_at: Option<Timestamp>,
}

/// A share link that was made.
#[derive(Debug)]
pub struct MadeShareLink {
    /// The link; nothing of it is secret.
    pub link: ShareLink,
    /// The address that shows the project, with the link's token behind `#token=`.
    pub url: String,
}

type Sharer = Authorized<permission::Sharing>;

impl Console {
    /// The share links of a project, newest first.
    ///
    /// # Errors
    /// When the caller may not share it, or the catalog cannot be asked.
    pub async fn list_share_links(
        &self,
        caller: &Sharer,
        project: &str,
    ) -> Result<Vec<ShareLink>, ServiceError> {
        let project = self.shared_project(caller, project).await?.into_project();
        let organization = caller.organization_id().clone();
        let listed = self.repository.list_share_links(organization, project.id);
        Ok(listed.await?)
    }

    /// Makes a share link; its token is shown this once, behind this address of the server. A
    /// password is hashed in the caller's turns.
    ///
    /// # Errors
    /// When the caller may not share the project, when that has a hundred links, when the link
    /// would show nothing, or the catalog cannot be written.
    pub async fn create_share_link(
        &self,
        caller: &Sharer,
        project: &str,
        new: NewShareLink,
        public_url: String,
        compute: CallerCompute,
        once: Option<Once<MadeShareLink>>,
    ) -> Result<Answer<MadeShareLink>, ServiceError> {
        let project = self.shared_project(caller, project).await?.into_project();
        let act = act_of(caller, &self.clock);
        if new.expires_at.is_some_and(|end| end <= act.at) {
            let problem = Problem::at(["expiresAt".into()], "must be in the future");
            return Err(ServiceError::Invalid(vec![problem]));
        }
        let password = match new.password {
            Some(password) => {
                let hashed = compute.run(move || SecretHash::of_password(password.expose()));
                let hashed = hashed.await?;
                Some(hashed.ok_or_else(|| ServiceError::internal("no memory for a hash"))?)
            }
            None => None,
        };
        let link = ShareLink {
            id: ShareLinkId::random(&mut rand::rng()),
            project_id: project.id,
            name: new.name,
            has_password: password.is_some(),
            created_by: caller.client_id(),
            created_at: act.at,
            expires_at: new.expires_at,
        };
        let token = Token::generate();
        let new = NewShare {
            link,
            token: token.hash(),
            session: Share::session_token(&token, password.as_ref()).hash(),
            password,
        };
        let organization = caller.organization_id().clone();
        let url = format!("{public_url}/console/share/#token={}", token.expose());
        let present = move |link: &ShareLink| MadeShareLink {
            link: link.clone(),
            url: url.clone(),
        };
        let seal = once.as_ref().map(|once| once.seal.clone());
        let once = once.map(|once| once.in_catalog(present.clone()));
        let outcome = self
            .repository
            .create_share_link(organization, new, act, once);
        Answer::of(outcome.await?, seal.as_ref(), |link| present(&link))
    }

    /// Ends a share link, and with it all sessions of those who came with it.
    ///
    /// # Errors
    /// When the caller may not share the project, when that has no such link, or when the catalog
    /// cannot be written.
    pub async fn end_share_link(
        &self,
        caller: &Sharer,
        project: &str,
        id: ShareLinkId,
    ) -> Result<(), ServiceError> {
        let project = self.shared_project(caller, project).await?.into_project();
        let (repository, act) = (self.repository.clone(), act_of(caller, &self.clock));
        let organization = caller.organization_id().clone();
        let is_root = caller.principal().client().client_type == ClientType::Root;
        let maker = (!is_root).then(|| caller.client_id());
        let ended = self.ending(None, async move {
            let ended = repository.delete_share_link(organization, project.id, id, maker, act);
            Ok(((), vec![ended.await?]))
        });
        ended.await
    }

    /// What the link with this token shows; `None` when there is no such link.
    ///
    /// # Errors
    /// When the catalog cannot be asked.
    pub async fn find_share(&self, token: &Token) -> Result<Option<Share>, ServiceError> {
        Ok(self.repository.find_share(token.hash()).await?)
    }

    /// A session of somebody who came with a link, and its password if it needs one. It is not
    /// written down, and can be had as long as there is the link; browsers forget it earlier.
    pub fn open_share_session(&self, share: &Share, token: &Token) -> OpenSession {
        let expires_at = share.link.expires_at;
        let left = expires_at.map(|end| (end - self.clock.now()).to_std().unwrap_or_default());
        OpenSession {
            token: Share::session_token(token, share.password.as_ref()),
            time: left.map_or(SESSION_TIME, |left| left.min(SESSION_TIME)),
            expires_at,
        }
    }

    async fn shared_project<'a>(
        &self,
        caller: &'a Sharer,
        project: &str,
    ) -> Result<ProjectAccess<'a, permission::Sharing>, ServiceError> {
        let choice = caller.project(Some(project));
        access(choice, &self.repository, "is required").await
    }
}
