//! From JSON and query strings to values, with *every* problem told and placed.

use std::{fmt::Display, future::Future, ops::ControlFlow, pin::Pin, str::FromStr};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web};
use deserr::{
    DeserializeError, Deserr, ErrorKind, IntoValue, MergeWithError, Value, ValueKind,
    ValuePointerRef,
};
use paneld_auth::ReplySeal;
use paneld_domain::{InvalidValue, Name, PathStep, Problem, Timestamp, parse_timestamp};
use paneld_guard::{ApiError, BodyBudget, BodySender, Guard, HeldBody, read_body};
use paneld_service::ServiceError;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use utoipa::IntoResponses;

use crate::{
    error::reply_for,
    openapi::refusals::{Responses, of_body},
};

/// The most bytes of a Manage request's body.
const BODY_LIMIT: usize = 1024 * 1024;

/// What the body of a Manage request may be refused for.
pub(crate) enum ManageBody {}

impl IntoResponses for ManageBody {
    fn responses() -> Responses {
        of_body("1 MiB")
    }
}

/// All that is wrong with a request.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, path: Vec<PathStep>, message: impl Into<String>) {
        self.0.push(Problem::at(path, message));
    }
}

impl MergeWithError<Problems> for Problems {
    fn merge(all: Option<Self>, more: Problems, _: ValuePointerRef<'_>) -> ControlFlow<Self, Self> {
        let mut all = all.unwrap_or_default();
        all.0.extend(more.0);
        ControlFlow::Continue(all)
    }
}

impl MergeWithError<InvalidValue> for Problems {
    fn merge(
        all: Option<Self>,
        why: InvalidValue,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let mut all = all.unwrap_or_default();
        all.push(path_of(location), why.to_string());
        ControlFlow::Continue(all)
    }
}

impl DeserializeError for Problems {
    fn error<V: IntoValue>(
        all: Option<Self>,
        error: ErrorKind<'_, V>,
        location: ValuePointerRef<'_>,
    ) -> ControlFlow<Self, Self> {
        let mut path = path_of(location);
        let message = match error {
            ErrorKind::IncorrectValueKind { accepted, .. } => describe_kinds(accepted),
            ErrorKind::MissingField { field } => {
                path.push(PathStep::Key(field.to_owned()));
                "is required".to_owned()
            }
            ErrorKind::UnknownValue { accepted, .. } => {
                format!("must be one of {}", accepted.join(", "))
            }
            ErrorKind::Unexpected { msg } => msg,
            // None of our bodies refuses keys or asks for a number of entries.
            ErrorKind::UnknownKey { .. } => "has an unknown key".to_owned(),
            ErrorKind::BadSequenceLen { expected, .. } => {
                format!("must have {expected} entries")
            }
        };
        let mut all = all.unwrap_or_default();
        all.push(path, message);
        ControlFlow::Continue(all)
    }
}

fn path_of(location: ValuePointerRef<'_>) -> Vec<PathStep> {
    match location {
        ValuePointerRef::Origin => Vec::new(),
        ValuePointerRef::Key { key, prev } => {
            let mut path = path_of(*prev);
            path.push(PathStep::Key(key.to_owned()));
            path
        }
        ValuePointerRef::Index { index, prev } => {
            let mut path = path_of(*prev);
            path.push(PathStep::Index(index));
            path
        }
    }
}

fn describe_kinds(accepted: &[ValueKind]) -> String {
    let name = |kind: &ValueKind| match kind {
        ValueKind::Null => "null",
        ValueKind::Boolean => "a boolean",
        ValueKind::Integer => "a whole number of at least 0",
        ValueKind::NegativeInteger => "a whole number",
        ValueKind::Float => "a number",
        ValueKind::String => "a string",
        ValueKind::Sequence => "an array",
        ValueKind::Map => "an object",
    };
    let names = accepted.iter().map(name).collect::<Vec<_>>();
    format!("must be {}", names.join(" or "))
}

/// The problem of a value that is wrong.
pub(crate) fn wrong_value<T>(
    why: &InvalidValue,
    location: ValuePointerRef<'_>,
) -> Result<T, Problems> {
    let mut problems = Problems::default();
    problems.push(path_of(location), why.to_string());
    Err(problems)
}

/// The problem of a value of another kind than those that are accepted.
pub(crate) fn wrong_kind<T, V: IntoValue>(
    actual: Value<V>,
    accepted: &[ValueKind],
    location: ValuePointerRef<'_>,
) -> Result<T, Problems> {
    let kind = ErrorKind::IncorrectValueKind { actual, accepted };
    Err(deserr::take_cf_content(Problems::error(
        None, kind, location,
    )))
}

/// Takes a field that must be there out of an object.
pub(crate) fn take_field<T: Deserr<Problems>, M: deserr::Map>(
    object: &mut M,
    field: &str,
    location: ValuePointerRef<'_>,
) -> Result<T, Problems> {
    let location = location.push_key(field);
    match object.remove(field) {
        Some(value) => T::deserialize_from_value(value.into_value(), location),
        None => wrong_value(&InvalidValue::new("is required"), location),
    }
}

/// A value that is written as text.
#[derive(Debug)]
pub(crate) struct Text<T>(pub(crate) T);

impl<T: FromStr<Err = InvalidValue>> Deserr<Problems> for Text<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        match value {
            Value::String(text) => match text.parse() {
                Ok(parsed) => Ok(Self(parsed)),
                Err(why) => wrong_value(&why, location),
            },
            other => wrong_kind(other, &[ValueKind::String], location),
        }
    }
}

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A value that is written as a whole number.
#[derive(Debug)]
pub(crate) struct Number<T>(pub(crate) T);

impl<T: TryFrom<u64, Error = InvalidValue>> Deserr<Problems> for Number<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        match value {
            Value::Integer(number) => match T::try_from(number) {
                Ok(parsed) => Ok(Self(parsed)),
                Err(why) => wrong_value(&why, location),
            },
            other => wrong_kind(other, &[ValueKind::Integer], location),
        }
    }
}

/// A text whose being empty, or null, means that there is none.
#[derive(Debug)]
pub(crate) struct Blank<T>(pub(crate) Option<T>);

impl<T: FromStr<Err = InvalidValue>> Deserr<Problems> for Blank<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        match value {
            Value::Null => Ok(Self(None)),
            Value::String(text) if text.is_empty() => Ok(Self(None)),
            other => Text::deserialize_from_value(other, location).map(|Text(t)| Self(Some(t))),
        }
    }
}

/// A field that may be absent, but not null. Declare it with `#[deserr(default)]`.
#[derive(Debug)]
pub(crate) struct Maybe<T>(pub(crate) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for Maybe<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        T::deserialize_from_value(value, location).map(|value| Self(Some(value)))
    }
}

impl<T> Maybe<Text<T>> {
    pub(crate) fn into_option(self) -> Option<T> {
        self.0.map(|Text(value)| value)
    }
}

/// A list of at most 100 entries.
#[derive(Debug)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

const LIST_LIMIT: usize = 100;

impl<T: Deserr<Problems>> Deserr<Problems> for List<T> {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        location: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        if let Value::Sequence(entries) = &value
            && deserr::Sequence::len(entries) > LIST_LIMIT
        {
            let why = format!("must have at most {LIST_LIMIT} entries");
            return wrong_value(&InvalidValue::new(why), location);
        }
        Vec::deserialize_from_value(value, location).map(Self)
    }
}

impl<T> List<Text<T>> {
    pub(crate) fn into_values(self) -> Vec<T> {
        self.0.into_iter().map(|Text(value)| value).collect()
    }
}

/// A yes or no in a query.
#[derive(Debug)]
pub(crate) struct Flag(pub(crate) bool);

impl FromStr for Flag {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" | "" => Ok(Self(false)),
            _ => Err(InvalidValue::new("must be true or false")),
        }
    }
}

/// A moment, as people write it.
#[derive(Debug)]
pub(crate) struct ParsedTimestamp(pub(crate) Timestamp);

impl FromStr for ParsedTimestamp {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_timestamp(text).map(Self)
    }
}

/// The name that something must have when it is made, beside what can be changed later.
#[derive(Debug, Deserr)]
#[deserr(error = Problems)]
pub(crate) struct RequiredName {
    pub(crate) name: Text<Name>,
}

/// Two readings of the same body: both values, or the problems of both, each told once.
pub(crate) fn both<A, B>(
    first: Result<A, Problems>,
    second: Result<B, Problems>,
) -> Result<(A, B), Problems> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (first, second) => {
            let mut all = first.err().unwrap_or_default();
            for problem in second.err().unwrap_or_default().0 {
                if !all.0.contains(&problem) {
                    all.0.push(problem);
                }
            }
            Err(all)
        }
    }
}

/// A request body.
pub(crate) trait Body: Sized + Send + 'static {
    /// What an absent body stands for; `None` when there must be one.
    fn when_absent() -> Option<Json> {
        None
    }

    /// Reads it, telling every problem.
    fn decode(json: Json) -> Result<Self, Problems>;
}

/// The JSON body of a request.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Body> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let body = read(&request, payload).await?;
            decode(&request, body).await.map(Self)
        })
    }
}

/// The JSON body of a request that may ask to be carried out at most once.
#[derive(Debug)]
pub(crate) struct CreationBody<T> {
    pub(crate) body: T,
    /// What seals the reply, if it does ask.
    pub(crate) seal: Option<ReplySeal>,
}

impl<T: Body> FromRequest for CreationBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let body = read(&request, payload).await?;
            let guard = request.app_data::<web::Data<Guard>>();
            let guard = guard.ok_or_else(|| ApiError::internal("there is no guard"))?;
            Ok(Self {
                seal: guard.reply_seal(&request, body.as_bytes())?,
                body: decode(&request, body).await?,
            })
        })
    }
}

/// The body of a request for something that must exist, or what is to be told instead: whether
/// the thing is there is told before what is wrong with the body
/// (`docs/contract/auth-and-limits.md` §2.1). `found` looks for it only when the body is wrong.
pub(crate) async fn body_for<B, F>(
    body: Result<B, ApiError>,
    found: impl Future<Output = Result<F, ServiceError>>,
) -> Result<B, ApiError> {
    match body {
        Ok(body) => Ok(body),
        Err(wrong) => Err(found.await.err().map_or(wrong, reply_for)),
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<HeldBody, ApiError> {
    let budget = request.app_data::<web::Data<BodyBudget>>();
    let budget = budget.ok_or_else(|| ApiError::internal("there is no budget for bodies"))?;
    let sender = BodySender::behind_gate(request)?;
    read_body(request, payload, BODY_LIMIT, sender, budget).await
}

/// The JSON body of a request that nobody stands behind yet: of at most so many bytes.
pub(crate) async fn read_of_stranger<T: Body>(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
) -> Result<T, ApiError> {
    let missing = || ApiError::internal("there is no guard, or no budget for bodies");
    let guard = request.app_data::<web::Data<Guard>>().ok_or_else(missing)?;
    let budget = request.app_data::<web::Data<BodyBudget>>();
    let budget = budget.ok_or_else(missing)?;
    let sender = BodySender::stranger(guard.peer_address(request));
    let body = read_body(request, payload, most, sender, budget).await?;
    decode(request, body).await
}

async fn decode<T: Body>(request: &HttpRequest, body: HeldBody) -> Result<T, ApiError> {
    let is_json = is_json(request);
    let decode = move |bytes: &[u8]| {
        // Some editors write the byte-order mark of UTF-8.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let json = match (bytes, T::when_absent()) {
            ([], Some(absent)) => absent,
            (bytes, _) => parse(bytes, is_json)?,
        };
        T::decode(json).map_err(|problems| ApiError::invalid_body(problems.0))
    };
    let (decoded, _held) = body.parse(decode).await?;
    decoded
}

fn parse(bytes: &[u8], is_json: bool) -> Result<Json, ApiError> {
    if !is_json {
        return Err(ApiError::unsupported_media_type(
            "The Content-Type must be application/json",
        ));
    }
    // A Value keeps the last of duplicate keys, and refuses nesting beyond 128 levels.
    serde_json::from_slice(bytes).map_err(|error| {
        let why = format!("is not valid JSON: {error}");
        ApiError::invalid_body(vec![Problem::at([], why)])
    })
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = value.split(';').next().unwrap_or("").trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

/// The query parameters of a request, read in two ways: texts, the last of duplicates wins,
/// unknown ones are ignored.
#[derive(Debug)]
pub(crate) struct Queries<A, B>(pub(crate) A, pub(crate) B);

impl<A: Deserr<Problems>, B: Deserr<Problems>> FromRequest for Queries<A, B> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = both(read_query::<A>(request), read_query::<B>(request));
        std::future::ready(match read {
            Ok((first, second)) => Ok(Self(first, second)),
            Err(problems) => Err(ApiError::invalid_query(problems.0)),
        })
    }
}

/// The query parameters of a request.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: Deserr<Problems>> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = read_query(request).map(Self);
        std::future::ready(read.map_err(|problems| ApiError::invalid_query(problems.0)))
    }
}

fn read_query<T: Deserr<Problems>>(request: &HttpRequest) -> Result<T, Problems> {
    let pairs = url::form_urlencoded::parse(request.query_string().as_bytes());
    let pairs = pairs.map(|(key, value)| (key.into_owned(), Json::String(value.into_owned())));
    deserr::deserialize(Json::Object(pairs.collect()))
}
