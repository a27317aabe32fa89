//! Rate limits by keys of your own, here by address and by tenant, without any authentication.
//!
//! It listens on the address that it is given, and prints where.

#![expect(clippy::print_stdout, reason = "the program shows how to call it")]

use std::{error::Error, sync::Arc};

use actix_web::{App, HttpServer, dev::ServiceRequest, web};
use paneld_guard::{
    BucketKey, Clock, LimitBy, LimitGroup, Limiter, Rate, Requests, TrustedProxies,
};

const BY_ADDRESS: LimitGroup = LimitGroup::new("address");
const BY_TENANT: LimitGroup = LimitGroup::new("tenant");

/// The bucket of the tenant that a request names; a request that names none is not limited by it.
fn tenant(request: &ServiceRequest) -> Option<BucketKey> {
    let tenant = request.headers().get("x-tenant")?.to_str().ok()?;
    Some(BucketKey::text(BY_TENANT, tenant))
}

async fn search() -> &'static str {
    "Found nothing\n"
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1);
    let listen = listen.unwrap_or("127.0.0.1:8080".to_owned());

    // One limiter for all workers: each limit keeps its buckets apart.
    let limiter = Arc::new(Limiter::new(Clock::system()));
    let proxies = TrustedProxies::loopback();
    let address = move |request: &ServiceRequest| {
        let peer = proxies.peer_address(request.head());
        Some(BucketKey::address(BY_ADDRESS, peer))
    };
    let by_tenant = LimitBy::new(Arc::clone(&limiter), Rate::of(3, 60), tenant);
    let by_address = LimitBy::new(limiter, Rate::of(20, 3600), address);

    let server = HttpServer::new(move || {
        // The last one that is wrapped around is asked first.
        let searches = web::resource("/search").get(search);
        App::new()
            .wrap(Requests::new(Clock::system()))
            .service(searches.wrap(by_tenant.clone()).wrap(by_address.clone()))
    });
    let server = server.workers(1).bind(listen)?;
    println!(
        "curl -H 'x-tenant: acme' http://{}/search",
        server.addrs()[0]
    );
    Ok(server.run().await?)
}
