//! What handlers do beside the event loop. One that does something for longer than a few
//! milliseconds makes everybody wait who has a connection of the same worker.

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType};
use paneld_analytics::Query;
use paneld_guard::ApiError;
use paneld_service::{AnswerBytes, CallerCompute};
use serde::Serialize;

use crate::{error::reply_for, written::Written};

/// Reads the question that stands in a query string.
///
/// # Errors
/// Everything that is wrong with it, or when it takes too long.
pub(crate) async fn question<T, F>(
    request: &HttpRequest,
    compute: CallerCompute,
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
pub(crate) async fn query(
    request: &HttpRequest,
    compute: CallerCompute,
) -> Result<Query, ApiError> {
    let text = request.query_string().to_owned();
    let parsed = compute.run(move || Query::parse(&text));
    parsed.await.map_err(reply_for)
}

/// Reads the rest of a question.
///
/// # Errors
/// Everything that is wrong with it, or when it takes too long.
pub(crate) async fn rest<T, F>(query: Query, compute: CallerCompute, read: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce(&mut Query) -> Option<T> + Send + 'static,
{
    let read = compute.run(move || finish(query, read));
    read.await.map_err(reply_for)?
}

fn finish<T>(mut query: Query, read: impl FnOnce(&mut Query) -> Option<T>) -> Result<T, ApiError> {
    let asked = read(&mut query);
    query.finish().map_err(ApiError::invalid_query)?;
    // What is missing was told as a problem.
    asked.ok_or_else(|| ApiError::internal("a question was read only in part"))
}

/// Replies with JSON that is made of nothing that could be large.
///
/// # Errors
/// When it cannot be made, takes too long, or has no room beside other answers.
pub(crate) async fn json<B, F>(compute: CallerCompute, make: F) -> Result<HttpResponse, ApiError>
where
    B: Serialize,
    F: FnOnce() -> Result<B, ApiError> + Send + 'static,
{
    let answer = compute.answer();
    json_of_rows(compute, answer, make).await
}

/// Replies with JSON that is made of rows, which are counted as a part of the answer.
///
/// # Errors
/// When it cannot be made, takes too long, or has no room beside other answers.
pub(crate) async fn json_of_rows<B, F>(
    compute: CallerCompute,
    answer: AnswerBytes,
    make: F,
) -> Result<HttpResponse, ApiError>
where
    B: Serialize,
    F: FnOnce() -> Result<B, ApiError> + Send + 'static,
{
    let written = compute.run(move || Written::of(&make()?, answer));
    let written = written.await.map_err(reply_for)??;
    let mut reply = HttpResponse::Ok();
    reply.content_type(ContentType::json());
    Ok(written.send(reply))
}
