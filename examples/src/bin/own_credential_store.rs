//! Clients that come out of a store of your own, here a file with a line for each of them:
//! `id organization type hash`. A database does as well. Run it with an address and the file.

#![expect(clippy::print_stdout, reason = "the program shows how to call it")]

use std::{env, error::Error, fs, io, path::PathBuf, sync::Arc};

use actix_web::{App, HttpServer, web};
use paneld_guard::{
    Access, Api, Caller, ClientId, Clock, CredentialStore, Credentials, Guard, LookupFuture,
    Permission, Requests, SecretHash, StoreUnavailable,
};

struct ClientFile(PathBuf);
fn client(line: &str) -> Option<Credentials> {
    let mut words = line.split_whitespace();
    let (id, organization) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let (client_type, hash) = (words.next()?.parse().ok()?, words.next()?);
    let (hash, now) = (SecretHash::from_stored(hash)?, Clock::system().now());
    Some(Credentials::new(id, organization, client_type, hash, now))
}

impl CredentialStore for ClientFile {
    /// Called once in five seconds for each client. An error is answered with 503, not with 401.
    fn find_credentials(&self, id: ClientId) -> LookupFuture<'_> {
        let file = self.0.clone();
        Box::pin(async move {
            let found = web::block(move || {
                let text = fs::read_to_string(file)?;
                let mut found = text.lines().filter_map(client);
                Ok(found.find(|one| one.client.id == id))
            });
            let found = found.await.map_err(io::Error::other).flatten();
            found.map_err(|why| StoreUnavailable(Arc::new(why)))
        })
    }
}

struct Hello;
impl Permission for Hello {
    const API: Api = Api::new("hello", Access::EVERYONE);
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (listen, file) = (env::args().nth(1), env::args().nth(2));
    let store = ClientFile(file.ok_or("there is no file")?.into());
    let guard = Guard::builder().credentials(store).build()?;
    let hello = async |caller: Caller<Hello>| format!("Hello, {}\n", caller.0.organization_id());
    let server = HttpServer::new(move || {
        let hello = web::resource("/hello").get(hello);
        let app = App::new().wrap(Requests::new(Clock::system()));
        app.service(hello.wrap(guard.gate(Hello::API)))
    });
    let server = server.bind(listen.ok_or("there is no address")?)?;
    println!("curl -u ID:SECRET http://{}/hello", server.addrs()[0]);
    Ok(server.run().await?)
}
