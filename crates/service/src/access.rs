//! Which project a caller means, and whether it may use it: `docs/contract/auth-and-limits.md` §2.3.

use paneld_auth::{ProjectAccess, ProjectChoice, ProjectDenied, permission::Permission};
use paneld_domain::Problem;
use paneld_repository::{Repository, RepositoryError, Resource};

use crate::ServiceError;

/// The project of a choice, which is looked up if it is not the caller's own. Who has to name one
/// and does not is told `unnamed`.
pub(crate) async fn access<'a, P: Permission>(
    choice: Result<ProjectChoice<'a, P>, ProjectDenied>,
    repository: &Repository,
    unnamed: &'static str,
) -> Result<ProjectAccess<'a, P>, ServiceError> {
    let denied = |why| refused(why, unnamed);
    let named = match choice.map_err(denied)? {
        ProjectChoice::Own(access) => return Ok(access),
        ProjectChoice::Other(named) => named,
    };
    // Deleted ones too: whether they may be used is for the policy to say.
    let organization = named.organization_id().clone();
    let found = repository.get_project(organization, named.id().clone(), true);
    let found = match found.await {
        Ok(project) => Some(project),
        Err(RepositoryError::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    named.found(found).map_err(denied)
}

/// What a caller is told who may not use a project; who has to name one and does not, `unnamed`.
pub(crate) fn refused(why: ProjectDenied, unnamed: &'static str) -> ServiceError {
    match why {
        ProjectDenied::Unnamed => {
            ServiceError::Invalid(vec![Problem::at(["projectId".into()], unnamed)])
        }
        ProjectDenied::Forbidden => {
            ServiceError::Forbidden("You do not have access to this project")
        }
        ProjectDenied::NotFound => ServiceError::NotFound(Resource::Project),
    }
}
