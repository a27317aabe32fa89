//! The frames in which replies come.

use std::str::FromStr;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, SecondsFormat};
use deserr::Deserr;
use paneld_auth::PlainSecret;
use paneld_domain::{InvalidValue, Page, PageRequest, Position, Timestamp};
use serde::{Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};

use crate::decode::{Maybe, Problems, Text};

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
    meta: Option<PageMeta>,
}

/// Where a list goes on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageMeta {
    /// The `cursor` of the next part; null when there is none.
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

impl From<PlainSecret> for ShownSecret {
    fn from(secret: PlainSecret) -> Self {
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

/// Which part of a list is wanted. Without any of these it is the whole list.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = Problems)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// At most so many, 1 to 1000.
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000, required = false)]
    limit: Maybe<Text<Limit>>,
    /// The `nextCursor` of the part before.
    #[deserr(default)]
    #[param(value_type = Option<String>, required = false)]
    cursor: Maybe<Text<Cursor>>,
}

impl PageQuery {
    /// The request, and whether its reply says where the list goes on.
    pub(crate) fn into_request(self) -> (PageRequest, bool) {
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
struct Cursor(Position);

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
