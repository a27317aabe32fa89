//! Events as they are found, however many there are.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    web::{self, Bytes},
};
use arrow_array::{Array, RecordBatch, StringArray};
use futures_util::stream;
use paneld_analytics::RawEventsRequest;
use paneld_domain::Profile;
use paneld_guard::ApiError;
use paneld_service::{EventBatches, Reports, ServiceError, Subject};

use super::{
    encode::{Encoder, Row},
    format::Format,
    row::Includes,
};
use crate::error::reply_for;

/// What is to be sent, and how.
pub(super) struct Wanted {
    pub(super) request: RawEventsRequest,
    pub(super) includes: Includes,
    pub(super) format: Format,
    pub(super) packing: Option<ContentEncoding>,
}

/// Replies with events as they are found.
///
/// # Errors
/// When the first of them cannot be had. Where it goes wrong later, the reply breaks off, which
/// callers notice by its encoding.
pub(super) async fn reply(
    reports: web::Data<Reports>,
    subject: Subject,
    wanted: Wanted,
) -> Result<HttpResponse, ApiError> {
    let fields = wanted.includes.fields();
    let columns = fields.iter().map(|(_, column)| *column).collect();
    let times_as_text = wanted.format != Format::Parquet;
    let batches = reports.stream_events(&subject, wanted.request, columns, times_as_text);
    let batches = batches.await.map_err(reply_for)?;
    let row = Row {
        names: fields.iter().map(|(name, _)| *name).collect(),
        project: subject.project.id.to_string(),
        has_profile: wanted.includes.has("profile"),
    };
    let encoder = Encoder::new(wanted.format, wanted.packing, row);
    let encoder = encoder.map_err(ApiError::internal)?;
    let name = format!("{}-events.{}", subject.project.id, wanted.format.name());
    let mut reply = HttpResponse::Ok();
    reply
        .content_type(wanted.format.media_type())
        .insert_header((header::VARY, "accept, accept-encoding"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ));
    if let Some(packing) = wanted.packing {
        reply.insert_header((header::CONTENT_ENCODING, packing.as_str()));
    }
    let sending = Sending {
        batches,
        encoder,
        reports,
        subject,
        wants_profiles: wanted.includes.has("profile"),
    };
    let parts = stream::try_unfold(Some(sending), |sending| async {
        match sending {
            Some(sending) => sending.next().await.map(Some),
            None => Ok(None),
        }
    });
    Ok(reply.streaming(parts))
}

/// A reply on its way.
struct Sending {
    batches: EventBatches,
    encoder: Encoder,
    reports: web::Data<Reports>,
    subject: Subject,
    wants_profiles: bool,
}

impl Sending {
    /// The next bytes, and what comes behind them, if anything does.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), ApiError> {
        loop {
            let batch = self.batches.next().await;
            let batch = batch.map_err(|error| reply_for(ServiceError::from(error)))?;
            let Some(batch) = batch else {
                let encoder = self.encoder;
                let end = self.reports.compute().run(move || encoder.finish());
                let end = end.await.map_err(reply_for)?;
                return Ok((end.map_err(ApiError::internal)?.into(), None));
            };
            let profiles = self.profiles(&batch).await?;
            // Encoding takes milliseconds, in which the worker has other things to do.
            let mut encoder = self.encoder;
            let encoded = self.reports.compute().run(move || {
                let written = encoder.write(&batch, &profiles);
                written.map(|()| (encoder.take(), encoder))
            });
            let encoded = encoded.await.map_err(reply_for)?;
            let (bytes, encoder) = encoded.map_err(ApiError::internal)?;
            self.encoder = encoder;
            if !bytes.is_empty() {
                return Ok((bytes.into(), Some(self)));
            }
        }
    }

    /// The profiles of the events.
    async fn profiles(&self, batch: &RecordBatch) -> Result<BTreeMap<String, Profile>, ApiError> {
        if !self.wants_profiles {
            return Ok(BTreeMap::new());
        }
        let ids = batch.column_by_name("profile_id");
        let ids = ids.and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
        let ids = ids.into_iter().flatten().flatten();
        let found = self.reports.profiles_of(&self.subject, ids).await;
        found.map_err(reply_for)
    }
}
