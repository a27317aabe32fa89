//! The headers that tell callers of their limits: `x-ratelimit-*`, which clients of this API
//! read, and the pair of draft-ietf-httpapi-ratelimit-headers-11. A draft may change, so all of
//! it is in this file.

use std::time::Duration;

use actix_web::{
    http::header::{HeaderMap, HeaderName, HeaderValue},
    web::Bytes,
};
use paneld_domain::LimitGroup;
use paneld_ratelimit::Verdict;

static LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
static RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
static POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
static STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Whole seconds after which a denied request passes: at least one.
pub(crate) fn retry_after(retry_in: Duration) -> u64 {
    whole_seconds(retry_in).max(1)
}

/// Writes what a bucket said onto a reply, beside what other buckets said to the same request:
/// `x-ratelimit-*` have room for one.
pub(crate) fn write(group: LimitGroup, verdict: &Verdict, headers: &mut HeaderMap) {
    let (name, rate) = (group.as_str(), verdict.rate);
    let reset = whole_seconds(verdict.full_in);
    let next = verdict.retry_in.map_or(reset, retry_after);
    if !headers.contains_key(&LIMIT) {
        headers.insert(LIMIT.clone(), HeaderValue::from(rate.limit()));
        headers.insert(REMAINING.clone(), HeaderValue::from(verdict.remaining));
        headers.insert(RESET.clone(), HeaderValue::from(reset));
    }
    let (limit, window) = (rate.limit().into(), rate.window_seconds().into());
    append_item(headers, &POLICY, name, [(";q=", limit), (";w=", window)]);
    let remaining = verdict.remaining.into();
    append_item(headers, &STATE, name, [(";r=", remaining), (";t=", next)]);
}

/// Appends a structured field (RFC 9651): a quoted name and its parameters. Every reply has two,
/// so the general way of formatting, several times slower, is too slow.
fn append_item(
    headers: &mut HeaderMap,
    header: &HeaderName,
    name: &str,
    parameters: [(&str, u64); 2],
) {
    let mut text = String::with_capacity(64);
    text.push('"');
    text.push_str(name);
    text.push('"');
    for (key, value) in parameters {
        text.push_str(key);
        text.push_str(itoa::Buffer::new().format(value));
    }
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        headers.append(header.clone(), value);
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
