//! The frames in which replies come.

use std::str::FromStr;

use actix_web::{HttpResponse, http::header::ContentType, web::Bytes};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat};
use deserr::Deserr;
use futures_util::{StreamExt as _, stream};
use paneld_auth::{PlainSecret, ReplySeal};
use paneld_domain::{InvalidValue, Page, PageRequest, Position, Timestamp};
use paneld_guard::ApiError;
use paneld_service::{Answer, CallerCompute, Once, ServiceError};
use serde::{Serialize, Serializer};
use utoipa::{IntoParams, ToSchema, openapi::Object};

use crate::{
    decode::{Maybe, Problems, Text},
    error::reply_for,
    offload,
    openapi::schemas::whole_number,
};

/// One thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Data<T> {
    /// The thing.
    pub(crate) data: T,
}

impl<T> Data<T> {
    pub(crate) fn of(thing: impl Into<T>) -> Self {
        Self { data: thing.into() }
    }
}

/// Several things, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listed<T> {
    /// The things.
    data: Vec<T>,
    /// Where the list goes on. Only when a part of it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    meta: Option<PageMeta>,
}

impl<T> Listed<T> {
    /// A list that comes whole.
    pub(crate) fn whole(things: impl IntoIterator<Item = impl Into<T>>) -> Self {
        Self {
            data: things.into_iter().map(Into::into).collect(),
            meta: None,
        }
    }
}

/// Where a list goes on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    /// The `cursor` of the next part; null when there is none.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// What was asked for is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true}))]
pub(crate) struct Success {
    success: bool,
}

impl Success {
    pub(crate) const DONE: Self = Self { success: true };
}

/// A secret on its way to its owner, the one time that it is shown.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String)]
pub(crate) struct ShownSecret(String);

impl From<&PlainSecret> for ShownSecret {
    fn from(secret: &PlainSecret) -> Self {
        Self(secret.expose().to_owned())
    }
}

impl std::fmt::Debug for ShownSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownSecret(…)")
    }
}

/// A moment on the wire: ISO 8601, UTC, milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireTime(pub(crate) Timestamp);

impl Serialize for WireTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_rfc3339_opts(SecondsFormat::Millis, true);
        serializer.serialize_str(&text)
    }
}

/// Replies with what a creation made, as `B`, or as it was replied before.
///
/// # Errors
/// When it was not made.
pub(crate) async fn reply_to_creation<B: Serialize + From<T>, T>(
    seal: Option<ReplySeal>,
    create: impl AsyncFnOnce(Option<Once<T>>) -> Result<Answer<T>, ServiceError>,
) -> Result<HttpResponse, ApiError> {
    let once = seal.map(|seal| Once {
        seal,
        render: |made| Ok(serde_json::to_vec(&Data::<B>::of(made))?),
    });
    Ok(match create(once).await.map_err(reply_for)? {
        Answer::New(made) => HttpResponse::Ok().json(Data::<B>::of(made)),
        Answer::Replayed(body) => HttpResponse::Ok()
            .insert_header(("idempotent-replayed", "true"))
            .content_type(ContentType::json())
            .body(body),
    })
}

/// Which part of a list is wanted. Without any of these it is the whole list.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Problems)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many, 1 to 1000.
    #[deserr(default)]
    #[param(schema_with = limit, required = false)]
    limit: Maybe<Text<Limit>>,
    /// The `nextCursor` of the part before.
    #[deserr(default)]
    #[param(value_type = Option<String>, required = false)]
    cursor: Maybe<Text<Cursor>>,
}

fn limit() -> Object {
    whole_number(1, 1_000)
}

impl PageQuery {
    /// The request, and whether its reply says where the list goes on.
    fn into_request(self) -> (PageRequest, bool) {
        let request = PageRequest {
            limit: self.limit.into_option().map(|Limit(limit)| limit),
            after: self.cursor.into_option().map(|Cursor(position)| position),
        };
        let is_partial = request != PageRequest::default();
        (request, is_partial)
    }
}

impl<T> Listed<T> {
    pub(crate) fn page<D: Into<T>>(page: Page<D>, is_partial: bool) -> Self {
        let next_cursor = page.next.map(|position| Cursor(position).encode());
        Self {
            data: page.items.into_iter().map(Into::into).collect(),
            meta: is_partial.then_some(PageMeta { next_cursor }),
        }
    }
}

/// Replies with the part of a list that was asked for, as `T`s. The whole of a list is loaded
/// and sent in parts, so that a long one takes no more memory than a part.
///
/// # Errors
/// When the first part cannot be loaded. When a later one cannot, the reply breaks off, which
/// callers notice by its encoding.
pub(crate) async fn reply_with_list<T, D, F>(
    query: PageQuery,
    compute: CallerCompute,
    load: impl Fn(PageRequest) -> F + 'static,
) -> Result<HttpResponse, ApiError>
where
    T: Serialize + From<D> + 'static,
    D: Send + 'static,
    F: Future<Output = Result<Page<D>, ServiceError>> + 'static,
{
    let (request, is_partial) = query.into_request();
    if is_partial {
        let page = load(request).await.map_err(reply_for)?;
        return offload::json(compute, move || Ok(Listed::<T>::page(page, true))).await;
    }
    let mut first = load(part_after(None)).await.map_err(reply_for)?;
    let Some(next) = first.next.take() else {
        return offload::json(compute, move || Ok(Listed::<T>::page(first, false))).await;
    };
    let start = entries::<T, D>(first, compute.clone()).await?;
    let start = Bytes::from(format!("{{\"data\":[{start}"));
    let rest = stream::try_unfold(Some(next), move |next| {
        let loading = next.map(|position| load(part_after(Some(position))));
        let compute = compute.clone();
        async move {
            let Some(loading) = loading else {
                return Ok(None);
            };
            let mut page = loading.await.map_err(reply_for)?;
            let next = page.next.take();
            let end = if next.is_none() { "]}" } else { "" };
            let entries = entries::<T, D>(page, compute).await?;
            let text = format!(",{entries}{end}");
            Ok::<_, ApiError>(Some((Bytes::from(text), next)))
        }
    });
    let parts = stream::iter([Ok(start)]).chain(rest);
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .streaming(parts))
}

/// Replies with a part of a list that is never sent whole, as `T`s.
///
/// # Errors
/// When the part cannot be loaded.
pub(crate) async fn reply_with_part<T: Serialize + From<D>, D: Send + 'static>(
    query: PageQuery,
    compute: CallerCompute,
    default_limit: u32,
    load: impl AsyncFnOnce(PageRequest) -> Result<Page<D>, ServiceError>,
) -> Result<HttpResponse, ApiError> {
    let (mut request, _) = query.into_request();
    request.limit.get_or_insert(default_limit);
    let page = load(request).await.map_err(reply_for)?;
    offload::json(compute, move || Ok(Listed::<T>::page(page, true))).await
}

/// A part of a whole list.
fn part_after(after: Option<Position>) -> PageRequest {
    const PART: u32 = 500;
    PageRequest {
        limit: Some(PART),
        after,
    }
}

/// The entries of a page as JSON, with commas between.
async fn entries<T, D>(page: Page<D>, compute: CallerCompute) -> Result<String, ApiError>
where
    T: Serialize + From<D>,
    D: Send + 'static,
{
    let written = compute.run(move || {
        let entries = page.items.into_iter();
        let entries = entries.map(|item| serde_json::to_string(&T::from(item)));
        entries.collect::<Result<Vec<_>, _>>()
    });
    let entries = written.await.map_err(reply_for)?;
    Ok(entries.map_err(ApiError::internal)?.join(","))
}

#[derive(Debug)]
struct Limit(u32);

impl FromStr for Limit {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // The parser takes a plus sign before the digits.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let limit = text.parse().ok();
        let limit = limit.filter(|limit| digits && (1..=1000).contains(limit));
        let wrong = InvalidValue::new("must be a whole number from 1 to 1000");
        limit.map(Self).ok_or(wrong)
    }
}

/// A position as text that means nothing to anyone else.
#[derive(Debug)]
pub(crate) struct Cursor(pub(crate) Position);

impl Cursor {
    fn encode(&self) -> String {
        let Position { created_at, id } = &self.0;
        URL_SAFE_NO_PAD.encode(format!("{}:{id}", created_at.timestamp_micros()))
    }
}

impl FromStr for Cursor {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let decode = || {
            let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (micros, id) = plain.split_once(':')?;
            // The bounds of what a catalog stores; and no id holds anything but these.
            let micros = micros
                .parse()
                .ok()
                .filter(|micros| (0..1 << 57).contains(micros))?;
            let is_id = id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            Some(Self(Position {
                created_at: DateTime::from_timestamp_micros(micros).filter(|_| is_id)?,
                id: id.to_owned(),
            }))
        };
        decode().ok_or(InvalidValue::new("must be a nextCursor of this list"))
    }
}
