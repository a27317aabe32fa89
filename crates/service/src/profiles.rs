//! Changing a profile by hand: `docs/contract/manage.md` §8.1.

use std::time::Duration;

use paneld_domain::{
    Clock, Problem, Profile, ProfileEdit, ProjectId, ProjectKey,
    bounds::{MOST_PROPERTIES, MOST_PROPERTY_BYTES},
};
use paneld_ingest::Ingest;
use paneld_repository::{Repository, Resource};

use crate::{
    ServiceError,
    manage::{Manager, act_of},
};

/// How long to wait until the catalog knows what was accepted before, and until it has the edit.
const PATIENCE: Duration = Duration::from_secs(10);

/// Changes profiles, on behalf of the root clients of their projects' organization.
#[derive(Debug, Clone)]
pub struct Profiles {
    repository: Repository,
    ingest: Ingest,
    clock: Clock,
}

impl Profiles {
    /// The use case on these stores.
    pub fn new(repository: Repository, ingest: Ingest, clock: Clock) -> Self {
        Self {
            repository,
            ingest,
            clock,
        }
    }

    /// A profile, or that which an alias names.
    ///
    /// # Errors
    /// When there is no such project or profile, or when the catalog is away.
    pub async fn get_profile(
        &self,
        caller: &Manager,
        project: ProjectId,
        profile_id: &str,
    ) -> Result<Profile, ServiceError> {
        let (_, profile) = self.find(caller, project, profile_id).await?;
        Ok(profile)
    }

    /// Changes a profile behind everything that was accepted before, and returns it as it is then.
    ///
    /// # Errors
    /// When there is no such project or profile, when there is no room for what is set, or when
    /// the catalog is away. What was begun when it went away is done when it is back.
    pub async fn edit_profile(
        &self,
        caller: &Manager,
        project: ProjectId,
        profile_id: &str,
        edit: ProfileEdit,
    ) -> Result<Profile, ServiceError> {
        let (key, profile) = self.find(caller, project.clone(), profile_id).await?;
        if edit == ProfileEdit::default() {
            return Ok(profile);
        }
        let id = profile.id.clone();
        demand_room(profile, edit.clone())?;
        let organization = caller.organization_id().clone();
        let act = act_of(caller, &self.clock);
        let noted =
            self.repository
                .note_profile_edit(organization, project, id.clone(), edit.clone(), act);
        noted.await?;
        let position = self.ingest.edit_profile(key, id.clone(), edit).await?;
        self.ingest.edited(position, PATIENCE).await?;
        let edited = self.repository.get_profile(key, &id).await?;
        edited.ok_or(ServiceError::NotFound(Resource::Profile))
    }

    async fn find(
        &self,
        caller: &Manager,
        project: ProjectId,
        profile_id: &str,
    ) -> Result<(ProjectKey, Profile), ServiceError> {
        let organization = caller.organization_id().clone();
        let project = self.repository.get_project(organization, project, false);
        let key = project.await?.key;
        // Whoever was identified a moment ago is known only then.
        self.ingest.settle_people(PATIENCE).await?;
        let found = self.repository.get_profile(key, profile_id).await?;
        let profile = found.ok_or(ServiceError::NotFound(Resource::Profile))?;
        Ok((key, profile))
    }
}

/// Demands that there is room for all that is set.
fn demand_room(mut profile: Profile, edit: ProfileEdit) -> Result<(), ServiceError> {
    profile.edit(edit);
    if profile.left_out == 0 {
        return Ok(());
    }
    let why = format!(
        "must leave the profile at most {MOST_PROPERTIES} properties and {MOST_PROPERTY_BYTES} \
         bytes of them: remove some with null"
    );
    Err(ServiceError::Invalid(vec![Problem::at(
        ["properties".into()],
        why,
    )]))
}
