//! Reading bodies, within limits.

use std::{sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    dev::Payload,
    http::header::{self, HeaderValue},
    web::{Bytes, BytesMut},
};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{ApiError, Detail};

/// How long a body may take to arrive.
const TIME_TO_ARRIVE: Duration = Duration::from_secs(30);

/// How many bytes of bodies the process may hold while they arrive
/// (`contract/auth-and-limits.md` §5). Clones share the budget.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }
}

impl Default for BodyBudget {
    /// 128 MiB.
    fn default() -> Self {
        Self::new(128 * 1024 * 1024)
    }
}

/// A body, which counts against the budget as long as it is held.
#[derive(Debug)]
pub struct HeldBody {
    bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl HeldBody {
    /// The body's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// 413 for a longer one, 415 for a compressed one, 408 when it takes too long, 400 when the
/// connection breaks off, and 503 when the process holds too much already.
pub async fn read_body(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    budget: &BodyBudget,
) -> Result<HeldBody, ApiError> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != HeaderValue::from_static("identity")) {
        return Err(ApiError::unsupported_media_type(
            "Compressed request bodies are not supported",
        ));
    }
    if declared_length(request).is_some_and(|length| length > limit) {
        return Err(ApiError::too_large(limit));
    }
    tokio::time::timeout(TIME_TO_ARRIVE, collect(payload, limit, budget))
        .await
        .unwrap_or_else(|_elapsed| Err(ApiError::timeout()))
}

fn declared_length(request: &HttpRequest) -> Option<usize> {
    let value = request.headers().get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

async fn collect(
    mut payload: Payload,
    limit: usize,
    budget: &BodyBudget,
) -> Result<HeldBody, ApiError> {
    let mut body = BytesMut::new();
    let mut held = None::<OwnedSemaphorePermit>;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            ApiError::invalid_body(vec![Detail {
                path: Vec::new(),
                message: format!("could not be read: {error}"),
            }])
        })?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::too_large(limit));
        }
        let bytes = u32::try_from(chunk.len()).map_err(ApiError::internal)?;
        let permit = Arc::clone(&budget.0).try_acquire_many_owned(bytes);
        let permit = permit.map_err(ApiError::unavailable)?;
        match &mut held {
            Some(held) => held.merge(permit),
            None => held = Some(permit),
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HeldBody {
        bytes: body.freeze(),
        _held: held,
    })
}
