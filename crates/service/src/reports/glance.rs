//! All projects of a caller at a glance.

use paneld_analytics::{MetricsAnswer, MetricsRequest};
use paneld_auth::{Api, Authorized, ProjectChoice, Reach, permission};
use paneld_domain::{Page, PageRequest, Project};

use super::{Reports, Subject};
use crate::{ServiceError, access::refused};

/// A project, and how it does.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The project.
    pub project: Project,
    /// Its key figures.
    pub metrics: MetricsAnswer,
    /// How many people are there now.
    pub live: u64,
}

impl Reports {
    /// The projects that the caller may ask about, newest first, each with its key figures. They
    /// are counted one after the other, so that a caller with many takes no more at once than one
    /// with a single project.
    ///
    /// # Errors
    /// When a store is away, or an answer takes too long.
    pub async fn at_a_glance(
        &self,
        caller: &Authorized<permission::Insights>,
        page: PageRequest,
        request: &MetricsRequest,
    ) -> Result<Page<Glance>, ServiceError> {
        let visible = self.visible_projects(caller, page).await?;
        let mut items = Vec::with_capacity(visible.items.len());
        for project in visible.items {
            let subject = self.subject_of(caller, project)?;
            let metrics = self.metrics_alone(&subject, request.clone()).await?;
            let live = self.live_visitors(&subject).await?;
            items.push(Glance {
                project: subject.project,
                metrics,
                live,
            });
        }
        Ok(Page {
            items,
            next: visible.next,
        })
    }

    async fn visible_projects(
        &self,
        caller: &Authorized<permission::Insights>,
        page: PageRequest,
    ) -> Result<Page<Project>, ServiceError> {
        let principal = caller.principal();
        let reach = Api::INSIGHTS.access().of(principal.client().client_type);
        if reach == Reach::Organization {
            let organization = caller.organization_id().clone();
            let listed = self.repository.list_projects(organization, false, page);
            return Ok(listed.await?);
        }
        let own = principal.project().filter(|_| page.after.is_none());
        Ok(Page {
            items: own.cloned().into_iter().collect(),
            next: None,
        })
    }

    /// A project that was looked up for the caller; the policy is asked all the same.
    fn subject_of(
        &self,
        caller: &Authorized<permission::Insights>,
        project: Project,
    ) -> Result<Subject, ServiceError> {
        let id = project.id.clone();
        let access = match caller
            .project(Some(id.as_str()))
            .map_err(|why| refused(why, ""))?
        {
            ProjectChoice::Own(access) => access,
            ProjectChoice::Other(named) => {
                let found = named.found(Some(project));
                found.map_err(|why| refused(why, ""))?
            }
        };
        Ok(Subject::new(access, caller, &self.compute))
    }
}
