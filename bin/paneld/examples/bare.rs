//! The floor of `cargo xtask bench http`: the least that an actix-web server does for a request.
//!
//! One route, no middleware, and a body about as long as the one that paneld is compared by.
//! Allocator and number of workers are those of paneld, so that only the work on top differs.

use actix_web::{App, HttpServer, get, web};
use mimalloc::MiMalloc;
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Serialize)]
struct Answer {
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    organization: &'static str,
    timezone: &'static str,
    permissions: [&'static str; 4],
    created_at: &'static str,
    updated_at: &'static str,
}

#[get("/")]
async fn answer() -> web::Json<Answer> {
    web::Json(Answer {
        id: "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41",
        name: "A client with a name of usual length",
        kind: "root",
        organization: "an-organization",
        timezone: "Europe/Stockholm",
        permissions: ["track", "export", "insights", "manage"],
        created_at: "2026-01-31T12:34:56.789Z",
        updated_at: "2026-01-31T12:34:56.789Z",
    })
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an example of its own, which shares no configuration with paneld"
    )]
    let listen = std::env::var("BARE_LISTEN").map_err(std::io::Error::other)?;
    let workers = std::thread::available_parallelism()?.get();
    HttpServer::new(|| App::new().service(answer))
        .workers(workers)
        .bind(listen)?
        .run()
        .await
}
