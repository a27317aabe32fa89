//! All ways to call the server, and behind which gate each stands.

use std::convert;

use paneld_auth::Api;

#[cfg(feature = "console")]
use crate::console;
#[cfg(feature = "export")]
use crate::export;
#[cfg(feature = "insights")]
use crate::insights;
#[cfg(feature = "manage")]
use crate::manage;
#[cfg(all(feature = "console", feature = "insights"))]
use crate::sharing;
#[cfg(feature = "track")]
use crate::track;
use crate::{endpoint::Endpoint, health, ignored::Style};

/// All ways to call the server that are built in, but for the OpenAPI document itself and the root,
/// which lead to them.
pub fn endpoints() -> Vec<Endpoint> {
    served(true)
}

/// All of these, or those that there are without the console.
pub(crate) fn served(has_console: bool) -> Vec<Endpoint> {
    let mut all = health::endpoints();
    #[cfg(feature = "track")]
    all.extend(track::endpoints());
    all.extend(identity());
    all.extend(overview(convert::identity));
    if has_console {
        #[cfg(feature = "console")]
        all.extend(console::endpoints());
        all.extend(sharing());
        #[cfg(all(feature = "console", feature = "insights"))]
        all.extend(sharing::open_endpoints());
    }
    let gated = gated(convert::identity).into_iter();
    all.extend(gated.flat_map(|(_, _, endpoints)| endpoints));
    all
}

/// Who am I, which clients of every type may ask.
pub(crate) fn identity() -> Vec<Endpoint> {
    #[cfg(feature = "manage")]
    let endpoints = manage::identity::endpoints();
    #[cfg(not(feature = "manage"))]
    let endpoints = Vec::new();
    telling_ignored(endpoints, Style::Plain)
}

/// Reports that are open to share links, too.
pub(crate) fn overview(with_events: impl Fn(Vec<Endpoint>) -> Vec<Endpoint>) -> Vec<Endpoint> {
    #[cfg(feature = "insights")]
    let endpoints = with_events(insights::overview_endpoints());
    #[cfg(not(feature = "insights"))]
    let endpoints = with_events(Vec::new());
    telling_ignored(endpoints, Style::Nested)
}

/// Making share links, which is not for root clients alone.
pub(crate) fn sharing() -> Vec<Endpoint> {
    #[cfg(all(feature = "console", feature = "insights"))]
    let endpoints = sharing::endpoints();
    #[cfg(not(all(feature = "console", feature = "insights")))]
    let endpoints = Vec::new();
    telling_ignored(endpoints, Style::Plain)
}

/// What stands behind gates, by the prefix of its paths. What needs events is as `with_events`
/// makes it.
pub(crate) fn gated(
    #[cfg_attr(
        not(any(
            feature = "export",
            feature = "insights",
            feature = "manage",
            feature = "track"
        )),
        expect(unused_variables, reason = "nothing else is behind a gate")
    )]
    with_events: impl Fn(Vec<Endpoint>) -> Vec<Endpoint>,
) -> Vec<(&'static str, Api, Vec<Endpoint>)> {
    #[cfg(any(feature = "export", feature = "insights"))]
    let reports = |endpoints| telling_ignored(with_events(endpoints), Style::Nested);
    vec![
        #[cfg(feature = "manage")]
        ("/manage", Api::MANAGE, managing(&with_events)),
        #[cfg(feature = "insights")]
        ("/insights", Api::INSIGHTS, reports(insights::endpoints())),
        #[cfg(feature = "export")]
        ("/export", Api::EXPORT, reports(export::endpoints())),
        #[cfg(feature = "export")]
        ("/v1", Api::EXPORT, reports(export::elsewhere())),
        #[cfg(feature = "track")]
        (
            "/import",
            Api::IMPORT,
            with_events(track::import_endpoints()),
        ),
    ]
}

#[cfg(feature = "manage")]
fn managing(with_events: impl Fn(Vec<Endpoint>) -> Vec<Endpoint>) -> Vec<Endpoint> {
    let mut all = manage::endpoints();
    all.extend(with_events(manage::event_endpoints()));
    telling_ignored(all, Style::Plain)
}

fn telling_ignored(endpoints: Vec<Endpoint>, style: Style) -> Vec<Endpoint> {
    let endpoints = endpoints.into_iter();
    endpoints.map(|one| one.telling_ignored(style)).collect()
}
