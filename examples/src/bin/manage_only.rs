//! The Manage API alone, on a port of its own: organizations, projects, and clients with their
//! secrets, without any events. With `--no-default-features` nothing of DuckDB is linked.
//!
//! It listens on the address that it is given, keeps everything in the folder that it is given,
//! and prints how to call it.

#![expect(clippy::print_stdout, reason = "the program shows how to call it")]

use std::error::Error;

use paneld_server::{Limits, Rate, Server};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().unwrap_or("127.0.0.1:8080".to_owned());
    let folder = arguments.next().unwrap_or("clients-data".to_owned());

    let limits = Limits {
        manage: Some(Rate::new(100, 10)?),
        ..Limits::default()
    };
    let builder = Server::builder().data_dir(&folder).limits(limits);
    // Built with other APIs, too, as all examples are together, it would keep events.
    #[cfg(feature = "events")]
    let builder = builder.without_events();
    let mut server = builder.listen(listen.parse()?).await?;
    println!("The first start leaves a client id and secret in {folder}/initial-credentials");
    println!("curl -u ID:SECRET http://{}/manage/me", server.address());

    // Another server on the same catalog may take its place; else until the process is told.
    let why = server.failed().await;
    server.stop().await?;
    Err(why.into())
}
