//! Events as they are found, however many there are.

use actix_web::{
    HttpResponse,
    http::header::{self, ContentEncoding},
    rt,
    web::{self, Bytes},
};
use futures_util::{Stream, stream};
use paneld_analytics::RawEventsRequest;
use paneld_guard::ApiError;
use paneld_service::{
    EventBatches, ProfilesBeside, Reports, ServiceError, Subject,
    arrow::array::{Array, RecordBatch, StringArray},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::{
    encode::{Encoder, RowLayout, rows_within},
    exported_event::Includes,
    format::Format,
};
use crate::{
    error::reply_for,
    pace::{LONGEST, Pace},
};

/// So many bytes are sent at once.
const CHUNK: usize = 64 << 10;
/// Events of so many bytes are encoded at once. As JSON they may have six times as many.
const PART_BYTES: usize = 1 << 20;
/// Beside them stand so many bytes of profiles: one profile may stand at each event.
const PROFILE_BYTES: usize = 4 << 20;

/// What is to be sent, and how.
pub(super) struct StreamRequest {
    pub(super) events: RawEventsRequest,
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
    request: StreamRequest,
) -> Result<HttpResponse, ApiError> {
    let fields = request.includes.fields();
    let columns = fields.iter().map(|(_, column)| *column).collect();
    let times_as_text = request.format != Format::Parquet;
    let batches = reports.stream_events(&subject, request.events, columns, times_as_text);
    let batches = batches.await.map_err(reply_for)?;
    let row = RowLayout {
        names: fields.iter().map(|(name, _)| *name).collect(),
        project: subject.project().id.to_string(),
        has_profile: request.includes.has("profile"),
    };
    let encoder = Encoder::new(request.format, request.packing, row);
    let encoder = encoder.map_err(ApiError::internal)?;
    let name = format!("{}-events.{}", subject.project().id, request.format.name());
    let mut reply = HttpResponse::Ok();
    reply
        .content_type(request.format.media_type())
        .insert_header((header::VARY, "accept, accept-encoding"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ));
    if let Some(packing) = request.packing {
        reply.insert_header((header::CONTENT_ENCODING, packing.as_str()));
    }
    let sending = Sending {
        batches,
        encoder,
        reports,
        subject,
        wants_profiles: request.includes.has("profile"),
        profiles: ProfilesBeside::default(),
    };
    Ok(reply.streaming(send(sending)))
}

/// Sends a reply as fast as it is read, at a distance of two chunks. What it holds, its place
/// among the exports too, is given up at once when the caller goes away, and when it reads too
/// slowly.
fn send(sending: Sending) -> impl Stream<Item = Result<Bytes, ApiError>> {
    let (chunks, taken) = mpsc::channel(1);
    rt::spawn(async move {
        let reader = Reader {
            chunks: chunks.clone(),
            pace: Pace::default(),
        };
        let sent = tokio::select! {
            () = chunks.closed() => return,
            sent = timeout(LONGEST, sending.send_all(reader)) => sent,
        };
        let last = match sent {
            Ok(Ok(())) => Chunk::End,
            Ok(Err(error)) => Chunk::Broken(error),
            Err(_elapsed) => Chunk::Broken(ApiError::timeout()),
        };
        // Nothing but this is held any more, however long it waits.
        let _reader_is_gone = chunks.send(last).await;
    });
    stream::unfold(Some(taken), |taken| async {
        let mut taken = taken?;
        match taken.recv().await {
            Some(Chunk::Bytes(bytes)) => Some((Ok(bytes), Some(taken))),
            Some(Chunk::Broken(error)) => Some((Err(error), None)),
            Some(Chunk::End) => None,
            None => Some((Err(ApiError::internal("an export panicked")), None)),
        }
    })
}

/// A part of a reply.
enum Chunk {
    Bytes(Bytes),
    /// It breaks off, for this reason.
    Broken(ApiError),
    End,
}

/// Whoever reads a reply.
struct Reader {
    chunks: mpsc::Sender<Chunk>,
    pace: Pace,
}

impl Reader {
    /// Sends bytes in small chunks, to see how fast they are taken.
    async fn send(&mut self, mut bytes: Bytes, batches: &EventBatches) -> Result<(), ApiError> {
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            let length = chunk.len();
            let begun = Instant::now();
            let sent = timeout(self.pace.patience(), self.chunks.send(Chunk::Bytes(chunk)));
            if !matches!(sent.await, Ok(Ok(()))) {
                metrics::counter!("paneld_exports_too_slow_total").increment(1);
                return Err(ApiError::timeout());
            }
            self.pace.note(length, begun.elapsed(), batches.is_wanted());
        }
        Ok(())
    }
}

/// A reply on its way.
struct Sending {
    batches: EventBatches,
    encoder: Encoder,
    reports: web::Data<Reports>,
    subject: Subject,
    wants_profiles: bool,
    /// Those that were looked up, and may be wanted again.
    profiles: ProfilesBeside,
}

impl Sending {
    async fn send_all(mut self, mut reader: Reader) -> Result<(), ApiError> {
        loop {
            let batch = self.batches.next().await;
            let batch = batch.map_err(|error| reply_for(ServiceError::from(error)))?;
            let Some(batch) = batch else {
                let encoder = self.encoder;
                let end = self.subject.compute().run(move || encoder.finish());
                let end = end.await.map_err(reply_for)?;
                let end = end.map_err(ApiError::internal)?;
                return reader.send(end.into(), &self.batches).await;
            };
            self = self.send_batch(batch, &mut reader).await?;
        }
    }

    /// Sends a batch, in parts that are small enough to be encoded at once. Also an empty one:
    /// there is one where nothing is found, and it tells of what types the columns are.
    async fn send_batch(
        mut self,
        mut rest: RecordBatch,
        reader: &mut Reader,
    ) -> Result<Self, ApiError> {
        loop {
            let rows = self.next_rows(&rest).await?;
            let part = rest.slice(0, rows);
            rest = rest.slice(rows, rest.num_rows() - rows);
            // Encoding takes milliseconds, in which the worker has other things to do.
            let (mut encoder, profiles) = (self.encoder, self.profiles);
            let encoded = self.subject.compute().run(move || {
                let written = encoder.write(&part, &profiles);
                written.map(|()| (encoder.take(), encoder, profiles))
            });
            let encoded = encoded.await.map_err(reply_for)?;
            let (bytes, encoder, profiles) = encoded.map_err(ApiError::internal)?;
            (self.encoder, self.profiles) = (encoder, profiles);
            reader.send(bytes.into(), &self.batches).await?;
            if rest.num_rows() == 0 {
                return Ok(self);
            }
        }
    }

    /// How many of the first events of a batch are encoded next. Their profiles are looked up.
    async fn next_rows(&mut self, batch: &RecordBatch) -> Result<usize, ApiError> {
        let rows = rows_within(batch, PART_BYTES);
        if !self.wants_profiles {
            return Ok(rows);
        }
        let ids = batch.column_by_name("profile_id");
        let ids = ids.and_then(|ids| ids.as_any().downcast_ref::<StringArray>());
        let ids = ids.ok_or_else(|| ApiError::internal("events without ids of profiles"))?;
        let ids = ids.iter().take(rows).map(Option::unwrap_or_default);
        let ids = ids.collect::<Vec<_>>();
        self.profiles.keep(&ids);
        let (reports, profiles) = (&self.reports, &mut self.profiles);
        let found = reports.look_up_profiles(&self.subject, profiles, &ids, PROFILE_BYTES, |_| {
            // Few streams go on at once, and each has this many at most.
            Ok(())
        });
        found.await.map_err(reply_for)
    }
}
