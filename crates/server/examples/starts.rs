//! How long a host waits for a server: `cargo run --release -p paneld-server --example starts`.
//!
//! It starts one after another in the same process, prints the median time by the clock until
//! `build` returns, and until the first request is answered: with a new folder for each, and with
//! one that was there. A folder on the command line says where; else it is the system's temporary
//! one.

#![expect(clippy::print_stdout, reason = "the program reports to its caller")]
#![expect(clippy::disallowed_methods, reason = "a measurement needs real time")]

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use actix_web::{App, test};
use paneld_server::{Prefix, Server};

const STARTS: usize = 21;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os().nth(1).map(std::path::PathBuf::from);
    let parent = parent.unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(parent)?;

    let mut made = Vec::new();
    for number in 0..STARTS {
        made.push(start(&folder.path().join(format!("new-{number}"))).await?);
    }
    report("a new folder", &made);

    let there = folder.path().join("new-0");
    let mut opened = Vec::new();
    for _ in 0..STARTS {
        opened.push(start(&there).await?);
    }
    report("a folder that was there", &opened);
    Ok(())
}

/// The times since the beginning when the server was built, and when it answered.
async fn start(folder: &Path) -> Result<(Duration, Duration), Box<dyn Error>> {
    let begun = Instant::now();
    let server = Server::builder().data_dir(folder).build().await?;
    let built = begun.elapsed();
    let app = App::new().configure(server.mount(&Prefix::ROOT));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/healthz/ready");
    let response = test::call_service(&app, request.to_request()).await;
    let answered = begun.elapsed();
    if !response.status().is_success() {
        return Err(format!("the server answered {}", response.status()).into());
    }
    drop(response);
    server.stop().await;
    Ok((built, answered))
}

fn report(what: &str, starts: &[(Duration, Duration)]) {
    let told = |time: fn(&(Duration, Duration)) -> Duration| {
        let mut times: Vec<Duration> = starts.iter().map(time).collect();
        times.sort_unstable();
        let (first, median, last) = (times[0], times[times.len() / 2], times[times.len() - 1]);
        format!("{median:.1?} ({first:.1?} to {last:.1?})")
    };
    let (built, answered) = (told(|start| start.0), told(|start| start.1));
    println!("{what}: built after {built}, answered after {answered}");
}
