//! The floor of the benchmarks: the least that an actix-web server does for a request.
//!
//! For `cargo xtask bench ingest`, a route that parses what is tracked, drops it, and answers ids
//! of the usual length. For `cargo xtask bench http`, a route with a reply of the same shape and
//! length as that of `/manage/me`, out of constants. There is no middleware; allocator and number
//! of workers are those of paneld, so that only the work on top differs.

use std::{collections::BTreeMap, hint::black_box};

use actix_web::{App, HttpServer, get, post, web};
use serde::{Deserialize, Serialize};
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

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

/// What is tracked, as far as it has a form.
#[derive(Deserialize)]
struct Tracked {
    r#type: String,
    payload: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    name: String,
    profile_id: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    properties: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ids {
    device_id: &'static str,
    session_id: &'static str,
}

#[post("/track")]
async fn drop_event(body: web::Json<Tracked>) -> web::Json<Ids> {
    // So that no compiler finds out that nobody looks at it.
    black_box(&body.r#type);
    let Payload {
        name,
        profile_id,
        groups,
        properties,
    } = black_box(&body.payload);
    black_box((name, profile_id, groups, properties));
    web::Json(Ids {
        device_id: "b533cb85dc56ff1b4ffb0caafe0d805a",
        session_id: "NigsgHtuTyspj0g3wl6Xkw",
    })
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
    HttpServer::new(|| App::new().service(answer).service(drop_event))
        .workers(workers)
        .bind(listen)?
        .run()
        .await
}
