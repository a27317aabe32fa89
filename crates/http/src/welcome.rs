//! Where to go from the root: a few paths, for whoever finds the server with a browser.

use actix_web::HttpResponse;
use serde_json::json;

/// Answers with the paths to go on with.
pub(crate) async fn serve() -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "name": "paneld",
        "links": {
            "openapi": "/openapi.json",
            "readiness": "/healthz/ready",
            "track": "/track",
            "me": "/manage/me",
        },
    }))
}
