//! The proof that a caller may do something with a project.

use std::{borrow::Cow, marker::PhantomData};

use paneld_domain::{OrganizationId, Project, ProjectId};

use crate::{
    Principal,
    permission::Permission,
    policy::{self, Decision, Standing},
};

/// Proof that the policy lets a caller do what `P` stands for with this project. There is no other
/// way to get one than to ask the policy, so a use case that demands one cannot be reached past it:
///
/// ```compile_fail,E0451
/// use paneld_auth::{ProjectAccess, permission::Export};
///
/// fn forge(project: paneld_domain::Project) -> ProjectAccess<'static, Export> {
///     ProjectAccess {
///         project: std::borrow::Cow::Owned(project),
///         permission: std::marker::PhantomData,
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ProjectAccess<'a, P> {
    project: Cow<'a, Project>,
    permission: PhantomData<fn() -> P>,
}

/// What a caller that names a project, or none, has to do with it.
#[derive(Debug)]
pub enum ProjectChoice<'a, P> {
    /// It is the caller's own.
    Own(ProjectAccess<'a, P>),
    /// It may be another one of the caller's organization: it has to be looked up.
    Other(NamedProject<'a, P>),
}

/// A project that a caller names which may use every project of its organization.
#[derive(Debug)]
pub struct NamedProject<'a, P> {
    principal: &'a Principal,
    id: ProjectId,
    permission: PhantomData<fn() -> P>,
}

/// Why a caller may not do something with a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProjectDenied {
    /// The caller is bound to no project, and names none.
    #[error("no project is named")]
    Unnamed,
    /// The caller is bound to another project, whether the named one exists or not.
    #[error("the client has no access to this project")]
    Forbidden,
    /// For the caller there is no such project.
    #[error("there is no such project")]
    NotFound,
}

impl<'a, P: Permission> ProjectChoice<'a, P> {
    /// Asks the policy about the project that a caller names; about its own, if it names none.
    pub(crate) fn of(principal: &'a Principal, named: Option<&str>) -> Result<Self, ProjectDenied> {
        let own = principal
            .project()
            .filter(|own| named.is_none_or(|named| own.id.as_str() == named));
        if let Some(own) = own {
            let project = Cow::Borrowed(own);
            return grant(principal, project, Standing::Own).map(Self::Own);
        }
        // Only who may use others is to learn whether there are any.
        demand::<P>(principal, Standing::Other)?;
        let id = named.ok_or(ProjectDenied::Unnamed)?.parse();
        Ok(Self::Other(NamedProject {
            principal,
            id: id.map_err(|_malformed| ProjectDenied::NotFound)?,
            permission: PhantomData,
        }))
    }
}

impl<P: Permission> NamedProject<'_, P> {
    /// The id that the caller names.
    pub fn id(&self) -> &ProjectId {
        &self.id
    }

    /// The organization whose project it has to be.
    pub fn organization_id(&self) -> &OrganizationId {
        &self.principal.organization().id
    }

    /// Asks the policy about what was found under that id, in that organization or anywhere.
    ///
    /// # Errors
    /// When that is nothing, or nothing that the caller may use.
    pub fn found(
        self,
        project: Option<Project>,
    ) -> Result<ProjectAccess<'static, P>, ProjectDenied> {
        let project = project.filter(|project| project.id == self.id);
        let project = project.ok_or(ProjectDenied::NotFound)?;
        let standing = if project.organization_id != *self.organization_id() {
            Standing::Foreign
        } else if !project.is_live() {
            Standing::Deleted
        } else {
            Standing::Other
        };
        grant(self.principal, Cow::Owned(project), standing)
    }
}

impl<P> ProjectAccess<'_, P> {
    /// The project that the proof is about.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The project, where the proof has served its purpose.
    pub fn into_project(self) -> Project {
        self.project.into_owned()
    }
}

fn grant<'a, P: Permission>(
    principal: &Principal,
    project: Cow<'a, Project>,
    standing: Standing,
) -> Result<ProjectAccess<'a, P>, ProjectDenied> {
    demand::<P>(principal, standing)?;
    Ok(ProjectAccess {
        project,
        permission: PhantomData,
    })
}

fn demand<P: Permission>(principal: &Principal, standing: Standing) -> Result<(), ProjectDenied> {
    match policy::decide(&P::API, principal.client().client_type, standing) {
        Decision::Allow => Ok(()),
        Decision::DenyApi | Decision::DenyProject => Err(ProjectDenied::Forbidden),
        Decision::HideProject => Err(ProjectDenied::NotFound),
    }
}
