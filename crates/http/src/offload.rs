//! What handlers do beside the event loop. One that does something for longer than a few
//! milliseconds makes everybody wait who has a connection of the same worker.

use std::convert::Infallible;

use actix_web::{
    HttpRequest, HttpResponse, body::SizedStream, http::header::ContentType, web::Bytes,
};
use futures_util::stream;
use paneld_analytics::Query;
use paneld_guard::ApiError;
use paneld_service::Compute;
use serde::Serialize;

use crate::error::{reply_for, wrong_question};

/// So many bytes are copied in much less than a millisecond.
const SHORT: usize = 64 * 1024;

/// Reads the question that stands in a query string.
///
/// # Errors
/// Everything that is wrong with it, or when it takes too long.
pub(crate) async fn question<T, F>(
    request: &HttpRequest,
    compute: &Compute,
    read: F,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&mut Query) -> Option<T> + Send + 'static,
{
    let text = request.query_string().to_owned();
    let read = compute.run(move || finish(Query::parse(&text), read));
    read.await.map_err(reply_for)?
}

/// Takes a query string apart, for who needs something of it before the rest can be read.
///
/// # Errors
/// When it takes too long.
pub(crate) async fn query(request: &HttpRequest, compute: &Compute) -> Result<Query, ApiError> {
    let text = request.query_string().to_owned();
    let parsed = compute.run(move || Query::parse(&text));
    parsed.await.map_err(reply_for)
}

/// Reads the rest of a question.
///
/// # Errors
/// Everything that is wrong with it, or when it takes too long.
pub(crate) async fn rest<T, F>(query: Query, compute: &Compute, read: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&mut Query) -> Option<T> + Send + 'static,
{
    let read = compute.run(move || finish(query, read));
    read.await.map_err(reply_for)?
}

fn finish<T>(mut query: Query, read: impl FnOnce(&mut Query) -> Option<T>) -> Result<T, ApiError> {
    let asked = read(&mut query);
    query.finish().map_err(wrong_question)?;
    // What is missing was told as a problem.
    asked.ok_or_else(|| ApiError::internal("a question was read only in part"))
}

/// Replies with JSON.
///
/// # Errors
/// When it cannot be made, or takes too long.
pub(crate) async fn json<B, F>(compute: &Compute, make: F) -> Result<HttpResponse, ApiError>
where
    B: Serialize,
    F: FnOnce() -> Result<B, ApiError> + Send + 'static,
{
    let written = compute.run(move || serde_json::to_vec(&make()?).map_err(ApiError::internal));
    let written = written.await.map_err(reply_for)??;
    let mut reply = HttpResponse::Ok();
    reply.content_type(ContentType::json());
    if written.len() <= SHORT {
        return Ok(reply.body(written));
    }
    // A long one would be copied as a whole at once.
    let (length, written) = (written.len() as u64, Bytes::from(written));
    let parts = (0..written.len()).step_by(SHORT).map(move |start| {
        let end = written.len().min(start + SHORT);
        Ok::<_, Infallible>(written.slice(start..end))
    });
    Ok(reply.body(SizedStream::new(length, stream::iter(parts))))
}
