//! The floor of `cargo xtask bench http`: the least that an actix-web server does for a request.
//!
//! One route, no middleware, and a reply of the same shape and length as that of `/manage/me`,
//! out of constants. Allocator and number of workers are those of paneld, so that only the work
//! on top differs: request id, authentication, limits, headers, and looking up what to say.

use actix_web::{App, HttpServer, get, web};
use mimalloc::MiMalloc;
use serde::Serialize;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Serialize)]
struct Answer {
    data: Data,
}

#[derive(Serialize)]
struct Data {
    client: Client,
    organization: Organization,
    project: Option<&'static str>,
    permissions: [&'static str; 5],
    limits: Limits,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    id: &'static str,
    name: &'static str,
    r#type: &'static str,
    project_id: Option<&'static str>,
    organization_id: &'static str,
    ignore_cors_and_secret: bool,
    enabled: bool,
    expires_at: Option<&'static str>,
    allowed_ips: [&'static str; 0],
    cors: Option<&'static str>,
    rate_limits: Option<&'static str>,
    last_used_at: Option<&'static str>,
    created_at: &'static str,
    updated_at: &'static str,
}

#[derive(Serialize)]
struct Organization {
    id: &'static str,
    name: &'static str,
    timezone: &'static str,
}

#[derive(Serialize)]
struct Limits {
    export: Limit,
    insights: Limit,
    manage: Limit,
    track: Limit,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    limit: u32,
    window_seconds: u32,
    remaining: u32,
}

const fn limit(limit: u32) -> Limit {
    Limit {
        limit,
        window_seconds: 10,
        remaining: limit,
    }
}

#[get("/")]
async fn answer() -> web::Json<Answer> {
    web::Json(Answer {
        data: Data {
            client: Client {
                id: "5b0c9a52-0f6b-4d0e-9a36-7c1f0c2d8e41",
                name: "First root client",
                r#type: "root",
                project_id: None,
                organization_id: "my-organization",
                ignore_cors_and_secret: false,
                enabled: true,
                expires_at: None,
                allowed_ips: [],
                cors: None,
                rate_limits: None,
                last_used_at: None,
                created_at: "2026-01-31T12:34:56.789Z",
                updated_at: "2026-01-31T12:34:56.789Z",
            },
            organization: Organization {
                id: "my-organization",
                name: "My organization",
                timezone: "UTC",
            },
            project: None,
            permissions: ["insights", "export", "track", "import", "manage"],
            limits: Limits {
                export: limit(100),
                insights: limit(100),
                manage: limit(100_000_000),
                track: limit(10_000),
            },
        },
    })
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a program of its own, which shares no configuration with paneld"
    )]
    let listen = std::env::var("BARE_LISTEN").map_err(std::io::Error::other)?;
    let workers = std::thread::available_parallelism()?.get();
    HttpServer::new(|| App::new().service(answer))
        .workers(workers)
        .bind(listen)?
        .run()
        .await
}
