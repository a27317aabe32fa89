//! The proof that the policy was asked.

use std::{marker::PhantomData, sync::Arc};

use paneld_domain::{ClientId, OrganizationId};

use crate::{
    Principal,
    policy::{self, Reach},
};

/// What a use case may demand of its caller. Each permission is a type, so that a proof of one
/// cannot be handed to a use case that asks for another.
pub mod permission {
    use crate::policy::Api;

    /// Leave to call one API.
    pub trait Permission {
        /// The API it is for.
        const API: Api;
    }

    /// Leave to manage the organization.
    #[derive(Debug)]
    pub struct Manage;

    impl Permission for Manage {
        const API: Api = Api::Manage;
    }

    /// Leave to ask who one is.
    #[derive(Debug)]
    pub struct Identity;

    impl Permission for Identity {
        const API: Api = Api::Identity;
    }

    /// Giving events of the past.
    #[derive(Debug)]
    pub struct Import;

    impl Permission for Import {
        const API: Api = Api::Import;
    }

    /// Asking for raw events and charts.
    #[derive(Debug)]
    pub struct Export;

    impl Permission for Export {
        const API: Api = Api::Export;
    }

    /// Asking for answers.
    #[derive(Debug)]
    pub struct Insights;

    impl Permission for Insights {
        const API: Api = Api::Insights;
    }
}

/// Proof that the policy lets this principal do what `P` stands for, in one request. There is
/// no other way to get one than [`Authorized::check`], and no use case works without.
#[derive(Debug, Clone)]
pub struct Authorized<P> {
    principal: Principal,
    request_id: Arc<str>,
    permission: PhantomData<fn() -> P>,
}

/// The policy said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client's type is not allowed to call this API")]
pub struct Denied;

impl<P: permission::Permission> Authorized<P> {
    /// Asks the policy.
    ///
    /// # Errors
    /// When the client's type does not reach the API at all. Which projects it reaches is for
    /// the use case to test.
    pub fn check(principal: Principal, request_id: &str) -> Result<Self, Denied> {
        match policy::reach(P::API, principal.client().client_type) {
            Reach::Nothing => Err(Denied),
            Reach::OwnProject | Reach::Organization => Ok(Self {
                principal,
                request_id: request_id.into(),
                permission: PhantomData,
            }),
        }
    }
}

impl<P> Authorized<P> {
    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The id of the request, as it is in the log.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The client that calls.
    pub fn client_id(&self) -> ClientId {
        self.principal.client().id
    }

    /// The organization it calls for, the border of all it can see.
    pub fn organization_id(&self) -> &OrganizationId {
        &self.principal.organization().id
    }
}
