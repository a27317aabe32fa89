//! Who tracks, as the headers tell.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap, HeaderValue},
};
use paneld_domain::{ClientId, Sdk};
use paneld_guard::AdmittedTracker;
use paneld_service::{
    Track, TrackCall,
    ingest::{Fingerprint, Hints, Visitor},
};

pub(super) fn call<'a>(
    request: &HttpRequest,
    admitted: &'a AdmittedTracker,
    project_id: Option<&'a str>,
    track: &Track,
    fingerprint: Option<Fingerprint>,
) -> TrackCall<'a> {
    let headers = request.headers();
    let sent = |name: &str| headers.contains_key(name);
    let visitor = Visitor {
        address: admitted.visitor,
        user_agent: text(headers, "user-agent"),
        origin: Some(text(headers, "origin")).filter(|origin| !origin.is_empty()),
        sdk: Sdk {
            name: text(headers, "openpanel-sdk-name"),
            version: text(headers, "openpanel-sdk-version"),
        },
        hints: Hints {
            has_sec_ch_ua: sent("sec-ch-ua"),
            has_sec_fetch: sent("sec-fetch-mode") || sent("sec-fetch-site"),
            has_accept_language: sent("accept-language"),
        },
        is_secret_authenticated: admitted.tracker.knows_secret(),
    };
    TrackCall {
        tracker: &admitted.tracker,
        project_id,
        visitor,
        fingerprint,
        at: track.now(),
    }
}

/// What tells a browser's request from others, beside its body.
pub(super) struct Marks {
    client: ClientId,
    address: IpAddr,
    origin: HeaderValue,
    path: String,
}

/// Only browsers send the same twice within an instant.
pub(super) fn marks(request: &HttpRequest, admitted: &AdmittedTracker) -> Option<Marks> {
    let origin = request.headers().get(header::ORIGIN)?.clone();
    Some(Marks {
        client: admitted.tracker.principal().client().id,
        address: admitted.visitor,
        origin,
        path: request.path().to_owned(),
    })
}

impl Marks {
    pub(super) fn fingerprint(&self, body: &[u8]) -> Fingerprint {
        Fingerprint::of(&[
            self.client.to_string().as_bytes(),
            self.address.to_string().as_bytes(),
            self.origin.as_bytes(),
            self.path.as_bytes(),
            body,
        ])
    }
}

pub(super) fn text(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).map(|value| value.as_bytes());
    let text = value.map(String::from_utf8_lossy).unwrap_or_default();
    text.trim().replace('\0', "")
}
