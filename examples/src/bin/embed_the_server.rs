//! The whole of paneld below `/analytics` of an app, beside the app's own routes.
//!
//! It listens on the address that it is given, keeps everything in the folder that it is given,
//! and prints how to call it.

#![expect(clippy::print_stdout, reason = "the program shows how to call it")]

use std::error::Error;

use actix_web::{App, HttpServer, web};
use paneld_server::Server;

async fn shop() -> &'static str {
    "Everything is sold out\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let folder = arguments.next().unwrap_or("analytics-data".to_owned());

    let server = Server::builder().data_dir(&folder).build().await?;
    let analytics = server.mount(&"/analytics".parse()?);
    let http = HttpServer::new(move || {
        App::new()
            .route("/shop", web::get().to(shop))
            .configure(analytics.clone())
    })
    .bind(listen)?;
    println!("The first start leaves a client id and secret in {folder}/initial-credentials");
    println!(
        "curl -u ID:SECRET http://{}/analytics/manage/me",
        http.addrs()[0]
    );

    // Until SIGINT or SIGTERM; then what waits to be written is written.
    http.run().await?;
    server.stop().await;
    Ok(())
}
