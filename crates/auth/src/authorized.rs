//! The proof that the policy was asked.

use std::{marker::PhantomData, sync::Arc};

use paneld_domain::{ClientId, ClientType, OrganizationId};

use crate::{
    Principal, permission,
    policy::Reach,
    project::{ProjectChoice, ProjectDenied},
};

/// Proof that the policy lets this principal do what `P` stands for, in one request. There is
/// no other way to get one than [`Authorized::check`], and no use case works without.
///
/// ```compile_fail,E0451
/// use paneld_auth::{Authorized, Principal, permission::Export};
///
/// fn forge(principal: Principal) -> Authorized<Export> {
///     Authorized {
///         principal,
///         request_id: "forged".into(),
///         permission: std::marker::PhantomData,
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Authorized<P> {
    principal: Principal,
    request_id: Arc<str>,
    permission: PhantomData<fn() -> P>,
}

/// The policy said no: the type of the client does not reach the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's type is not allowed to call this API")]
pub struct Denied;

impl<P: permission::Permission> Authorized<P> {
    /// Asks the policy whether the principal may do what `P` stands for.
    ///
    /// # Errors
    /// When the client's type does not reach the API at all. Which projects it reaches is for
    /// the use case to test.
    pub fn check(principal: Principal, request_id: &str) -> Result<Self, Denied> {
        match P::API.access().of(principal.client().client_type) {
            Reach::Nothing => Err(Denied),
            Reach::OwnProject | Reach::Organization => Ok(Self {
                principal,
                request_id: request_id.into(),
                permission: PhantomData,
            }),
        }
    }

    /// Asks the policy about the project that the caller names; about its own, if it names none.
    ///
    /// # Errors
    /// When it may not do there what `P` stands for.
    pub fn project(&self, named: Option<&str>) -> Result<ProjectChoice<'_, P>, ProjectDenied> {
        ProjectChoice::of(&self.principal, named)
    }
}

impl<P> Authorized<P> {
    /// The client that calls, with its organization and project.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The id of the request, as it is in the log.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The id of the client that calls.
    pub fn client_id(&self) -> ClientId {
        self.principal.client().id
    }

    /// Whose turns its work takes: the client's own. All who look at a project through share links
    /// take those of one client together, for anybody can have many links.
    pub fn taker_of_turns(&self) -> ClientId {
        match (
            self.principal.client().client_type,
            self.principal.project(),
        ) {
            (ClientType::Share, Some(project)) => ClientId::of_viewers(project.key),
            _ => self.client_id(),
        }
    }

    /// The organization it calls for, the border of all it can see.
    pub fn organization_id(&self) -> &OrganizationId {
        &self.principal.organization().id
    }
}
