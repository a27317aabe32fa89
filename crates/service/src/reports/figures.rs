//! Figures of a site: how much happened, where visitors came from, and what they saw.

use paneld_analytics::{
    DimensionRequest, DimensionRow, EdgesRequest, MetricsAnswer, MetricsRequest, PageAddress,
    PageRow, PagesRequest, PerformanceAnswer, PerformanceRequest, SessionFigures,
};
use paneld_domain::Reference;

use super::{Reports, Subject};
use crate::ServiceError;

/// An answer, and what is marked on the timeline meanwhile.
#[derive(Debug, Clone)]
pub struct Annotated<T> {
    /// The answer to the question itself.
    pub answer: T,
    /// The references in its window, the earliest first.
    pub references: Vec<Reference>,
}

impl Reports {
    /// Key figures of a window and its buckets.
    ///
    /// # Errors
    /// When a store is away, or the answer takes too long.
    pub async fn metrics(
        &self,
        subject: &Subject,
        request: MetricsRequest,
    ) -> Result<Annotated<MetricsAnswer>, ServiceError> {
        let window = request.buckets().window();
        let answer = self.metrics_alone(subject, request).await?;
        let project = subject.project.clone();
        let references = self
            .repository
            .list_references_between(project, window.start, window.end);
        let references = references.await?;
        Ok(Annotated { answer, references })
    }

    /// The same without what is marked on the timeline.
    pub(super) async fn metrics_alone(
        &self,
        subject: &Subject,
        request: MetricsRequest,
    ) -> Result<MetricsAnswer, ServiceError> {
        let buckets = request.buckets().clone();
        let store = self.store(subject);
        let rows = store.metrics(subject.scope(), request).await?;
        let answer = subject
            .compute()
            .run(move || MetricsAnswer::of(&buckets, &rows));
        answer.await
    }

    /// Sessions by their values of a dimension, most sessions first.
    ///
    /// # Errors
    /// When the event store is away, or the answer takes too long.
    pub async fn dimension(
        &self,
        subject: &Subject,
        request: DimensionRequest,
    ) -> Result<Vec<DimensionRow>, ServiceError> {
        let rows = self
            .store(subject)
            .dimension(subject.scope(), request)
            .await?;
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        let rows = rows.into_iter().map(|row| DimensionRow {
            prefix: known(row.prefix),
            name: known(row.name),
            figures: row.counts.into(),
        });
        Ok(rows.collect())
    }

    /// The pages that were seen, those with most sessions first.
    ///
    /// # Errors
    /// When the event store is away, or the answer takes too long.
    pub async fn pages(
        &self,
        subject: &Subject,
        request: PagesRequest,
    ) -> Result<Vec<PageRow>, ServiceError> {
        let counts = self.store(subject).pages(subject.scope(), request).await?;
        Ok(counts.into_iter().map(PageRow::from).collect())
    }

    /// How well pages do.
    ///
    /// # Errors
    /// When the event store is away, or the answer takes too long.
    pub async fn page_performance(
        &self,
        subject: &Subject,
        request: PerformanceRequest,
    ) -> Result<PerformanceAnswer, ServiceError> {
        let store = self.store(subject);
        let counts = store.page_performance(subject.scope(), request.clone());
        Ok(PerformanceAnswer::of(&request, counts.await?))
    }

    /// The pages with which the sessions of a window began or ended, those with most sessions
    /// first.
    ///
    /// # Errors
    /// When the event store is away, or the answer takes too long.
    pub async fn page_edges(
        &self,
        subject: &Subject,
        request: EdgesRequest,
    ) -> Result<Vec<(PageAddress, SessionFigures)>, ServiceError> {
        let rows = self
            .store(subject)
            .page_edges(subject.scope(), request)
            .await?;
        let rows = rows.into_iter().map(|row| (row.page, row.counts.into()));
        Ok(rows.collect())
    }
}
