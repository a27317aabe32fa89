//! Where to go from the root: the console for people who come with a browser, and a few paths for
//! whoever else finds the server.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{Accept, Header as _, LOCATION, Quality, VARY},
    web,
};
use paneld_service::Console;
use serde_json::json;

use crate::openapi::Document;

/// Leads browsers to the console, where there is one; answers with the paths to go on with else.
pub(crate) async fn serve(
    request: HttpRequest,
    document: web::Data<Document>,
    console: Option<web::Data<Console>>,
) -> HttpResponse {
    let link = |path| document.prefix().join(path);
    if console.is_some() && prefers_pages(&request) {
        return HttpResponse::Found()
            .insert_header((LOCATION, link("/console/")))
            .insert_header((VARY, "Accept"))
            .finish();
    }
    HttpResponse::Ok()
        .insert_header((VARY, "Accept"))
        .json(json!({
            "name": "paneld",
            "links": {
                "openapi": link("/openapi.json"),
                "readiness": link("/healthz/ready"),
                "track": link("/track"),
                "me": link("/manage/me"),
            },
        }))
}

fn prefers_pages(request: &HttpRequest) -> bool {
    let is_page = |name: &str| name == "text/html";
    Accept::parse(request).is_ok_and(|accept| {
        let mut asked_for = accept.iter();
        asked_for.any(|one| is_page(one.item.essence_str()) && one.quality != Quality::ZERO)
            && is_page(accept.preference().essence_str())
    })
}
