//! Metrics for Prometheus, on a listener of their own, which callers cannot reach.

mod described;

use std::{net::SocketAddr, sync::OnceLock};

use actix_web::{
    App, HttpResponse, HttpServer, dev::ServerHandle, http::header::X_CONTENT_TYPE_OPTIONS, web,
};
use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

/// Upper bounds of how long requests take, in seconds.
const DURATIONS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// Starts to count, and serves what was counted at `/metrics`.
pub(crate) fn serve(address: SocketAddr) -> anyhow::Result<ServerHandle> {
    let recorder = recorder()?;
    let server = HttpServer::new(move || {
        let render = move || std::future::ready(render(recorder));
        App::new().route("/metrics", web::get().to(render))
    })
    .workers(1)
    .disable_signals()
    .bind(address)
    .with_context(|| format!("cannot serve metrics on {address}"))?;
    let address = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    tracing::info!(%address, "serving metrics");
    Ok(handle)
}

/// Counts what was recorded since the last time into the histograms, and forgets it: without
/// this memory grows with every request.
pub(crate) fn run_upkeep() {
    if let Some(recorder) = RECORDER.get() {
        recorder.run_upkeep();
    }
}

fn render(recorder: &PrometheusHandle) -> HttpResponse {
    Collector::default().collect();
    recorder.run_upkeep();
    HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(recorder.render())
}

/// There is one recorder in a process, even if there are several servers.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

fn recorder() -> anyhow::Result<&'static PrometheusHandle> {
    if let Some(recorder) = RECORDER.get() {
        return Ok(recorder);
    }
    let duration = Matcher::Full("paneld_http_request_duration_seconds".to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(duration, &DURATIONS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("the metrics could not be started")?;
    described::describe();
    Collector::default().describe();
    Ok(RECORDER.get_or_init(|| recorder))
}
