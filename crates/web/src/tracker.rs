//! The scripts with which sites track, which any of their pages loads.

use std::future::ready;

use actix_web::{
    HttpRequest,
    web::{self, ServiceConfig},
};
use paneld_guard::ApiError;

use crate::{
    answer::{Headers, answer},
    asset::Asset,
    reading, refuse,
};

/// The script of the snippet, and the one that it loads, from beside itself, to record sessions.
const SCRIPTS: [&str; 2] = ["op1.js", "op1-replay.js"];
/// They are for pages of all origins, also of those that let in only what says so.
const FOR_ALL: Headers = &[
    ("access-control-allow-origin", "*"),
    ("cross-origin-resource-policy", "cross-origin"),
];

/// Mounts `/op1.js` and `/op1-replay.js`, the scripts with which sites track.
pub fn configure_tracker(config: &mut ServiceConfig) {
    for name in SCRIPTS {
        let script = Asset::tracker(name);
        let serve = move |request: HttpRequest| {
            let missing = || ApiError::not_found("Route not found");
            let script = script.as_ref().ok_or_else(missing);
            ready(script.map(|script| answer(&request, script, FOR_ALL)))
        };
        config.service(
            web::resource(format!("/{name}"))
                .route(reading().to(serve))
                .default_service(web::to(refuse)),
        );
    }
}
