//! The catalog in PostgreSQL: which goes away and comes back, is not there at the start, or is
//! a newer program's.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use paneld_domain::Clock;
use paneld_testing::Database;
use serde_json::{Value as Json, json};

use crate::{
    backends::{Proxy, TlsServer},
    support::{Caller, Ended, Launch, Place, Reply, assert_refused_within, status, wait_until},
};

const PASSWORD: &str = "a-password-4711";
/// What must not take longer: five seconds is what a unit of work may take, and the machine may
/// be busy.
const BOUND: Duration = Duration::from_secs(10);

fn launch(place: &Place, url: &str) -> Launch {
    place.bootstrapped().with("CATALOG_URL", url)
}

/// The URL with a password, which the test's server does not ask for.
fn with_password(url: &str) -> String {
    let mut url = url.parse::<url::Url>().unwrap();
    url.set_password(Some(PASSWORD)).unwrap();
    url.into()
}

/// Runs a command to its end, which must come soon.
fn run_within_bound(launch: Launch) -> Ended {
    let clock = Clock::system();
    let start = clock.elapsed();
    let ended = launch.run();
    let took = clock.elapsed() - start;
    assert!(took < BOUND, "{took:?}: {}", ended.stderr);
    ended
}

/// Demands a reply that says that the catalog is away, and nothing about it.
fn assert_away(reply: &Reply) {
    let text = &reply.text;
    assert_eq!(reply.status, 503, "{text}");
    assert_eq!(reply.headers["retry-after"], "1");
    assert_eq!(reply.body["status"], 503);
    assert_eq!(reply.body["error"], "Service Unavailable");
    assert_eq!(
        reply.body["message"],
        "The service is temporarily unavailable"
    );
    let id = reply.headers["request-id"].to_str().unwrap();
    assert_eq!(reply.body["requestId"], id);
    assert_eq!(reply.body.as_object().unwrap().len(), 4, "{text}");
}

async fn send(caller: Caller, path: &'static str, body: Option<Json>) -> (Reply, Duration) {
    let clock = Clock::system();
    let start = clock.elapsed();
    let reply = match body {
        Some(body) => caller.post(path, body).await,
        None => caller.get(path).await,
    };
    (reply, clock.elapsed() - start)
}

/// Lets the database fail under a server, and come back.
async fn assert_survives(fail: impl AsyncFnOnce(&mut Proxy)) {
    let (place, database) = (Place::new(), Database::create());
    let mut proxy = Proxy::to(&database).await;
    let url = with_password(&proxy.url(&database));
    let server = launch(&place, &url).serve();
    let root = server.root();
    let body = json!({"name": "Spare", "type": "root"});
    let spare = root.create("/manage/clients", body).await;
    let text = |field: &str| spare[field].as_str().unwrap();
    let spare = server.caller(text("id"), text("secret"));
    let stranger = server.caller("1af09627-2dd7-4b37-9e5c-6ffa7e450e85", text("secret"));
    assert_eq!(root.get("/manage/me").await.status, 200);

    fail(&mut proxy).await;
    // Who was known a moment ago needs no look-up where nothing else is asked for.
    assert_eq!(root.get("/manage/me").await.status, 200);
    let requests = (0..6).flat_map(|_| {
        [
            (&root, "/manage/projects", None),
            (&root, "/manage/projects", Some(json!({"name": "Shop"}))),
            (&spare, "/manage/me", None),
            (&stranger, "/manage/me", None),
        ]
    });
    let requests = requests.map(|(caller, path, body)| {
        let caller = caller.clone();
        tokio::spawn(send(caller, path, body))
    });
    for request in requests.collect::<Vec<_>>() {
        let (reply, took) = request.await.unwrap();
        assert_away(&reply);
        assert!(took < BOUND, "{took:?}");
    }
    let nobody = server.caller_with(&[]);
    let clock = Clock::system();
    let start = clock.elapsed();
    assert_eq!(
        wait_until(&server, "unavailable").await,
        json!({"catalog": "down", "spool": "up", "events": "up"})
    );
    let took = clock.elapsed() - start;
    assert!(took < BOUND, "{took:?}");
    // By now the server must look again.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(nobody.get("/healthz/ready").await.status, 503);
    assert_eq!(nobody.get("/healthz/live").await.status, 200);

    proxy.restore().await;
    let clock = Clock::system();
    let start = clock.elapsed();
    assert_eq!(wait_until(&server, "ready").await["catalog"], "up");
    for _ in 0..20 {
        for caller in [&root, &spare] {
            assert_eq!(status(caller).await, 200);
        }
        assert_eq!(stranger.get("/manage/me").await.status, 401);
    }
    let took = clock.elapsed() - start;
    assert!(took < BOUND, "{took:?}");
    root.create("/manage/projects", json!({"name": "After"}))
        .await;
    let ended = server.stop();
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    for (level, message) in [
        ("WARN", "the catalog is away"),
        ("INFO", "the catalog is back"),
    ] {
        let lines = ended.log(level).into_iter();
        let count = lines.filter(|line| line["message"] == message).count();
        assert_eq!(count, 1, "{message}: {}", ended.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn a_database_that_refuses_connections_is_found_again() {
    assert_survives(async |proxy| proxy.cut().await).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn a_database_that_answers_nothing_is_found_again() {
    assert_survives(async |proxy| proxy.hang()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn connections_that_broke_unnoticed_fail_no_request_later() {
    let (place, database) = (Place::new(), Database::create());
    let mut proxy = Proxy::to(&database).await;
    let server = launch(&place, &proxy.url(&database)).serve();
    let root = server.root();
    assert_eq!(status(&root).await, 200);
    for _ in 0..3 {
        proxy.cut().await;
        proxy.restore().await;
        wait_until(&server, "ready").await;
        for number in 0..12 {
            let body = json!({"name": number.to_string()});
            root.create("/manage/projects", body).await;
        }
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn without_its_database_nothing_starts() {
    let (place, database) = (Place::new(), Database::create());
    let mut proxy = Proxy::to(&database).await;
    let url = with_password(&proxy.url(&database));
    for fail in ["hang", "cut"] {
        match fail {
            "hang" => proxy.hang(),
            _ => proxy.cut().await,
        }
        for command in ["serve", "migrate", "admin organizations list"] {
            let ended = run_within_bound(launch(&place, &url).args(command));
            let address = proxy.address().to_string();
            let expected = ["paneld: cannot ", " the catalog", address.as_str()];
            ended.assert_refused(1, &expected);
            assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
            assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
        }
    }
    proxy.restore().await;
    launch(&place, &url).serve().stop();
}

/// A server that knows nobody's password, and answers the next caller.
fn refuse_passwords() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for caller in listener.incoming() {
            let mut caller = caller.unwrap();
            let mut said = [0; 1024];
            // The startup message; "give your password"; the password.
            assert!(caller.read(&mut said).unwrap() > 0);
            caller.write_all(b"R\0\0\0\x08\0\0\0\x03").unwrap();
            let length = caller.read(&mut said).unwrap();
            let said = String::from_utf8_lossy(&said[..length]);
            assert!(said.contains(PASSWORD), "{said:?}");
            let fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"postgres\"\0\0";
            let length = u32::try_from(fields.len() + 4).unwrap();
            let error = [b"E", &length.to_be_bytes()[..], fields].concat();
            caller.write_all(&error).unwrap();
        }
    });
    address
}

#[test]
fn a_wrong_password_is_told_without_it() {
    let (place, address) = (Place::new(), refuse_passwords());
    let url = format!("postgres://postgres:{PASSWORD}@{address}/paneld");
    for command in ["serve", "migrate", "admin organizations list"] {
        let ended = run_within_bound(launch(&place, &url).with("LOG", "trace").args(command));
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        for sentence in [
            "the catalog is unavailable",
            "password authentication failed",
        ] {
            assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
        }
        assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    }
    let shown = launch(&place, &url).args("config").run().output();
    let expected = format!("postgres://postgres@{address}/paneld");
    assert!(shown.contains(&expected), "{shown}");
    assert!(!shown.contains(PASSWORD), "{shown}");
}

#[test]
fn a_url_that_makes_no_sense_is_refused_without_showing_it() {
    let place = Place::new();
    for url in [
        format!("postgres://postgres:{PASSWORD}@localhost:x/paneld"),
        format!("postgres://postgres:{PASSWORD}@localhost/paneld?nonsense=1"),
        format!("mysql://root:{PASSWORD}@localhost/paneld"),
    ] {
        for command in ["serve", "config", "migrate"] {
            let ended = launch(&place, &url).args(command).run();
            ended.assert_refused(1, &["PANELD_CATALOG_URL"]);
            assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn the_password_is_never_shown() {
    let (place, database) = (Place::new(), Database::create());
    let url = with_password(database.url());
    let launch = || launch(&place, &url).with("LOG", "trace");
    let server = launch().serve();
    assert_eq!(status(&server.root()).await, 200);
    let beside = launch().args("admin organizations list").run();
    let ended = server.stop();
    assert!(ended.stderr.contains("\"level\":\"TRACE\""));
    for ended in [ended, beside, launch().args("config").run()] {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
        assert!(!ended.stdout.contains(PASSWORD), "{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn with_tls_the_database_must_prove_who_it_is() {
    let (place, database) = (Place::new(), Database::create());
    let tls = TlsServer::before(&database).await;
    let url = tls.url(&database) + "?sslmode=require";
    let trusted = place.write("trusted.pem", tls.certificate());
    let server = launch(&place, &url).trusting(&trusted).serve();
    assert_eq!(status(&server.root()).await, 200);
    assert_eq!(server.stop().code, Some(0));

    let stranger = TlsServer::before(&database).await;
    let untrusted = place.write("untrusted.pem", stranger.certificate());
    let ended = run_within_bound(launch(&place, &url).trusting(&untrusted));
    ended.assert_refused(1, &["cannot connect to postgres://", "certificate"]);

    // A server without TLS is not what was asked for.
    let plain = database.url().to_owned() + "?sslmode=require";
    let ended = run_within_bound(launch(&place, &plain).trusting(&trusted));
    ended.assert_refused(1, &["cannot connect to postgres://", "TLS"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn migrate_prepares_a_database_and_may_be_repeated() {
    let (place, database) = (Place::new(), Database::create());
    let run = |command: &str| launch(&place, database.url()).args(command).run();
    // Before, there is nothing to administer.
    let refused = run("admin organizations list");
    refused.assert_refused(1, &["paneld: cannot open the catalog"]);
    for _ in 0..2 {
        assert_eq!(run("migrate").output(), "The catalog is up to date.\n");
    }
    assert_eq!(run("admin --json organizations list").json(), json!([]));
    let server = launch(&place, database.url()).serve();
    assert_eq!(run("migrate").output(), "The catalog is up to date.\n");
    assert_eq!(status(&server.root()).await, 200);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn the_tables_of_a_newer_program_are_left_alone() {
    let (place, database) = (Place::new(), Database::create());
    launch(&place, database.url())
        .args("migrate")
        .run()
        .output();
    let newer = "INSERT INTO __diesel_schema_migrations (version) VALUES ('99990101000000')";
    let client = database.connect().await;
    client.batch_execute(newer).await.unwrap();
    for command in ["serve", "migrate", "admin organizations list"] {
        let refused = launch(&place, database.url()).args(command).run();
        refused.assert_refused(1, &["used by a newer version", "99990101000000"]);
    }
    let organizations = client.query_one("SELECT count(*) FROM organizations", &[]);
    assert_eq!(organizations.await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Postgres: cargo xtask test"]
async fn the_operator_works_beside_the_running_server() {
    let (place, database) = (Place::new(), Database::create());
    let server = launch(&place, database.url()).serve();
    let admin = |args: &str| {
        let command = launch(&place, database.url()).args("admin --json");
        command.args(args).run().json()
    };
    assert_eq!(admin("organizations list")[0]["name"], "Acme");
    let made = admin("clients create --name Rescue --type root");
    let text = |field: &str| made[field].as_str().unwrap();
    let rescue = server.caller(text("id"), text("secret"));
    assert_eq!(status(&rescue).await, 200);
    let deleted = admin(&format!("clients delete {}", text("id")));
    assert_eq!(deleted, json!({"success": true}));
    // What the server remembers of a client is believed for five seconds.
    assert_refused_within(Duration::from_secs(6), &rescue).await;

    let root = server.root();
    root.create("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    assert_eq!(admin("projects restore shop")["deleteAt"], Json::Null);
    assert_eq!(root.get("/manage/projects/shop").await.status, 200);
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    assert_eq!(admin("projects purge shop"), json!({"success": true}));
    assert_eq!(admin("projects list"), json!([]));
    server.stop();
}
