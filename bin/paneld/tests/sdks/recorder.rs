//! Stands between an SDK and the server, passes on everything as it comes, and keeps it.

use std::sync::{Arc, Mutex};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    dev::ServerHandle,
    http::{StatusCode, header::HeaderMap},
    web,
};
use serde_json::Value as Json;

/// Headers that belong to one connection, and not to what goes through.
const OF_THE_CONNECTION: [&str; 4] = ["host", "connection", "content-length", "transfer-encoding"];

/// Where it listens, and what went through.
pub(crate) struct Recorder {
    url: String,
    exchanges: Exchanges,
    handle: ServerHandle,
}

type Exchanges = Arc<Mutex<Vec<Exchange>>>;

/// A request, and the reply to it.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: HeaderMap,
    /// The body of the request; null if it has none.
    pub(crate) sent: Json,
    pub(crate) status: u16,
    /// The body of the reply; null if it is no JSON.
    pub(crate) reply: Json,
}

impl Exchange {
    /// A header of the request, empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }
}

impl Recorder {
    /// One in front of the server with this URL.
    pub(crate) fn before(server: String) -> Self {
        let exchanges = Exchanges::default();
        let kept = Arc::clone(&exchanges);
        let client = reqwest::Client::new();
        let listening = HttpServer::new(move || {
            let (server, kept, client) = (server.clone(), Arc::clone(&kept), client.clone());
            let limit = web::PayloadConfig::new(16 * 1024 * 1024);
            App::new().app_data(limit).default_service(web::to(
                move |request: HttpRequest, body: web::Bytes| {
                    pass_on(
                        client.clone(),
                        server.clone(),
                        Arc::clone(&kept),
                        request,
                        body,
                    )
                },
            ))
        })
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
        let url = format!("http://{}", listening.addrs()[0]);
        let running = listening.run();
        let handle = running.handle();
        tokio::spawn(running);
        Self {
            url,
            exchanges,
            handle,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything that went through, in the order of the replies.
    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        self.exchanges.lock().unwrap().clone()
    }

    /// What was sent with this method.
    pub(crate) fn sent_with(&self, method: &str) -> Vec<Exchange> {
        let mut exchanges = self.exchanges();
        exchanges.retain(|exchange| exchange.method == method);
        exchanges
    }

    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn pass_on(
    client: reqwest::Client,
    server: String,
    kept: Exchanges,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    let method = request.method().as_str();
    let mut passed = client.request(
        method.parse().unwrap(),
        format!("{server}{}", request.uri()),
    );
    for (name, value) in request.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            passed = passed.header(name.as_str(), value.as_bytes());
        }
    }
    let response = passed.body(body.to_vec()).send().await.unwrap();
    let status = response.status().as_u16();
    let mut reply = HttpResponse::build(StatusCode::from_u16(status).unwrap());
    for (name, value) in response.headers() {
        if !OF_THE_CONNECTION.contains(&name.as_str()) {
            reply.append_header((name.as_str(), value.as_bytes()));
        }
    }
    let bytes = response.bytes().await.unwrap();
    kept.lock().unwrap().push(Exchange {
        method: method.to_owned(),
        path: request.path().to_owned(),
        headers: request.headers().clone(),
        sent: serde_json::from_slice(&body).unwrap_or_default(),
        status,
        reply: serde_json::from_slice(&bytes).unwrap_or_default(),
    });
    reply.body(bytes)
}
