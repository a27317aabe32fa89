//! Metrics for Prometheus, on a listener of their own, which callers cannot reach.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use actix_web::{
    App, HttpResponse, HttpServer, dev::ServerHandle, http::header::X_CONTENT_TYPE_OPTIONS, web,
};
use anyhow::Context as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio::{task::JoinHandle, time::MissedTickBehavior};

/// Upper bounds of how long requests take, in seconds.
const DURATIONS: [f64; 12] = [
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// How often recorded durations are counted into the histograms.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);

/// Serves what is counted at `/metrics`.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    handle: ServerHandle,
    counting: JoinHandle<()>,
}

impl MetricsServer {
    /// Starts to count, and to serve.
    pub(crate) fn start(address: SocketAddr) -> anyhow::Result<Self> {
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
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "serving metrics beyond loopback without TLS: anyone who can reach them can read \
                 them"
            );
        }
        Ok(Self {
            handle,
            counting: tokio::spawn(count(recorder)),
        })
    }

    pub(crate) async fn stop(self) {
        self.counting.abort();
        self.handle.stop(false).await;
    }
}

/// Counts what was recorded into the histograms, again and again, and forgets it: without this
/// memory grows with every request.
async fn count(recorder: &PrometheusHandle) {
    let mut ticks = tokio::time::interval(COUNT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
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
    paneld_server::describe_metrics();
    Collector::default().describe();
    Ok(RECORDER.get_or_init(|| recorder))
}
