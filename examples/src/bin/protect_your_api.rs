//! API clients with secrets, permissions and rate limits in front of routes of your own.
//!
//! It listens on the address that it is given, and prints a `curl` line for each client.

#![expect(clippy::print_stdout, reason = "the program shows how to call it")]

use std::error::Error;

use actix_web::{App, HttpServer, web};
use paneld_guard::{
    Access, Api, Caller, ClientType, Clock, Guard, MemoryCredentials, Permission, Rate, Requests,
};

/// Clients that read may call it, and root clients; clients that only write may not.
const BILLING: Api = Api::new("billing", Access::READERS).labelled("Billing");

/// Leave to call it, as a type: a handler that asks for it runs for nobody else.
struct Billing;

impl Permission for Billing {
    const API: Api = BILLING;
}

async fn invoices(caller: Caller<Billing>) -> String {
    let organization = caller.0.organization_id();
    format!("The invoices of {organization}\n")
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.unwrap_or("127.0.0.1:8080".to_owned());

    let clients = MemoryCredentials::default();
    let now = Clock::system().now();
    let reader = clients.create("acme".parse()?, ClientType::Read, now);
    let writer = clients.create("acme".parse()?, ClientType::Write, now);
    let guard = Guard::builder()
        .credentials(clients)
        .credential_headers("acme-client-id", "acme-client-secret")
        .realm("Acme")
        .limit(BILLING.limit_group(), Rate::of(5, 60))
        .build()?;

    let server = HttpServer::new(move || {
        let billing = web::scope("/billing").route("/invoices", web::get().to(invoices));
        App::new()
            .wrap(Requests::new(Clock::system()))
            .service(billing.wrap(guard.gate(BILLING)))
    });
    let server = server.workers(1).bind(listen)?;
    for (id, secret) in [reader, writer] {
        let (address, secret) = (server.addrs()[0], secret.expose());
        println!("curl -u {id}:{secret} http://{address}/billing/invoices");
    }
    Ok(server.run().await?)
}
