//! All projects of a caller at a glance.

use std::{pin::pin, time::Duration};

use paneld_analytics::{MetricsAnswer, MetricsRequest};
use paneld_auth::{Api, Authorized, ProjectChoice, Reach, permission};
use paneld_domain::{Page, PageRequest, Project};
use tokio::time::sleep;

use super::{Reports, Subject};
use crate::{ServiceError, access::refused};

/// How long the figures of all projects may take together.
const TIME: Duration = Duration::from_secs(10);

/// A project, and how it does.
#[derive(Debug, Clone)]
pub struct Glance {
    /// The project that the figures are about.
    pub project: Project,
    /// The figures of the project; `None` when they took too long.
    pub figures: Option<GlanceFigures>,
}

/// The key figures of a project, at a glance.
#[derive(Debug, Clone)]
pub struct GlanceFigures {
    /// The key figures of the window.
    pub metrics: MetricsAnswer,
    /// How many people are there now.
    pub live: u64,
}

impl Reports {
    /// The projects that the caller may ask about, newest first, each with its key figures. They
    /// are counted one after the other, so that a caller with many takes no more at once than one
    /// with a single project; what is not counted within ten seconds is left out.
    ///
    /// # Errors
    /// When a store is away.
    pub async fn at_a_glance(
        &self,
        caller: &Authorized<permission::Insights>,
        page: PageRequest,
        request: &MetricsRequest,
    ) -> Result<Page<Glance>, ServiceError> {
        let visible = self.visible_projects(caller, page).await?;
        let mut items = Vec::with_capacity(visible.items.len());
        let mut time_is_over = pin!(sleep(TIME));
        for project in visible.items {
            let subject = self.subject_of(caller, project)?;
            let figures = tokio::select! {
                biased;
                () = &mut time_is_over => None,
                counted = self.glance_figures(&subject, request) => match counted {
                    Err(ServiceError::TooSlow) => None,
                    counted => Some(counted?),
                },
            };
            items.push(Glance {
                project: subject.project,
                figures,
            });
        }
        Ok(Page {
            items,
            next: visible.next,
        })
    }

    async fn glance_figures(
        &self,
        subject: &Subject,
        request: &MetricsRequest,
    ) -> Result<GlanceFigures, ServiceError> {
        Ok(GlanceFigures {
            metrics: self.metrics_alone(subject, request.clone()).await?,
            live: self.live_visitors(subject).await?,
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
