//! Where to go from the root: a few paths, for whoever finds the server with a browser.

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::openapi::Document;

/// Answers with the paths to go on with.
pub(crate) async fn serve(document: web::Data<Document>) -> HttpResponse {
    let link = |path| document.prefix().join(path);
    HttpResponse::Ok().json(json!({
        "name": "paneld",
        "links": {
            "openapi": link("/openapi.json"),
            "readiness": link("/healthz/ready"),
            "track": link("/track"),
            "me": link("/manage/me"),
        },
    }))
}
