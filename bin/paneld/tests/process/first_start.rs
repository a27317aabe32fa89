//! The first start of a server that is told nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value as Json;

use crate::support::{Launch, Place};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// What a text says of the first credentials.
struct Shown {
    id: String,
    secret: String,
    command: String,
}

fn read_credentials(text: &str) -> Shown {
    let after = |mark: &str| {
        let mut lines = text.lines().map(str::trim);
        let found = lines.find_map(|line| line.strip_prefix(mark));
        found
            .unwrap_or_else(|| panic!("no {mark:?} in {text}"))
            .trim()
            .to_owned()
    };
    Shown {
        id: after("client id:"),
        secret: after("client secret:"),
        command: format!("curl {}", after("curl ")),
    }
}

/// Runs the printed line as an administrator would who copies it into a shell.
async fn try_command(shown: &Shown, server: &crate::support::Server) -> Json {
    let has_curl = Launch::program("sh").arg("-c").arg("command -v curl").run();
    if has_curl.code == Some(0) {
        let line = format!("{} --silent --fail", shown.command);
        return Launch::program("sh").arg("-c").arg(&line).run().json();
    }
    let rest = shown.command.strip_prefix("curl -u ").unwrap();
    let (pair, url) = rest.split_once(' ').unwrap();
    assert_eq!(pair, format!("{}:{}", shown.id, shown.secret));
    assert_eq!(url, format!("http://{}/manage/me", server.address));
    let caller = server.caller(&shown.id, &shown.secret);
    caller.get("/manage/me").await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_without_a_terminal_leaves_credentials_in_a_private_file() {
    let place = Place::new();
    let file = place.data_dir().join("initial-credentials");
    let server = place.paneld().serve();
    assert_eq!(mode(&place.data_dir()), 0o700);
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&place.data_dir().join("catalog.sqlite")), 0o600);

    let shown = read_credentials(&fs::read_to_string(&file).unwrap());
    assert!(shown.secret.starts_with("sec_"));
    assert_eq!(shown.secret.len(), 53);
    let me = try_command(&shown, &server).await;
    assert_eq!(me["data"]["client"]["id"], shown.id.as_str());
    assert_eq!(me["data"]["client"]["type"], "root");
    assert_eq!(me["data"]["project"], Json::Null);

    let ended = server.stop();
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains(&shown.secret), "{}", ended.stderr);
    let path = file.display().to_string();
    let told = ended.log("INFO").into_iter().find(|l| l["path"] == path);
    assert!(told.is_some(), "the path is not logged: {}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_leaves_a_link_that_signs_in_once() {
    let place = Place::new();
    let file = place.data_dir().join("initial-credentials");
    let server = place.paneld().serve();
    let text = fs::read_to_string(&file).unwrap();
    let shown = read_credentials(&text);
    let base = format!("http://{}/console/#token=", server.address);
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(&base));
    let token = line.unwrap_or_else(|| panic!("no {base} in {text}"));
    assert!(!shown.secret.contains(token));
    for expected in [200, 401] {
        let status = sign_in(&server, token).await.0;
        assert_eq!(status, expected);
    }
    let ended = server.stop();
    assert!(!ended.stderr.contains(token), "{}", ended.stderr);

    let place = Place::new();
    let launch = place.paneld().with("PUBLIC_URL", "https://stats.example/");
    launch.serve().stop();
    let file = place.data_dir().join("initial-credentials");
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(" https://stats.example/console/#token="),
        "{text}"
    );

    let place = Place::new();
    place.paneld().with("CONSOLE", "off").serve().stop();
    let file = place.data_dir().join("initial-credentials");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains("token"), "{text}");
}

/// Signs in as the page does, and returns the status and who that is.
pub(crate) async fn sign_in(server: &crate::support::Server, token: &str) -> (u16, Json) {
    let url = format!("http://{}/console/session", server.address);
    let request = reqwest::Client::new()
        .post(url)
        .header("x-paneld-console", "1")
        .json(&serde_json::json!({"token": token}));
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    (status, reply.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_makes_no_new_credentials() {
    let place = Place::new();
    let file = place.data_dir().join("initial-credentials");
    place.paneld().serve().stop();
    let first = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();

    let server = place.paneld().serve();
    assert!(!file.exists());
    let shown = read_credentials(&first);
    let clients = server.caller(&shown.id, &shown.secret);
    let clients = clients.get("/manage/clients").await;
    assert_eq!(clients.body["data"].as_array().unwrap().len(), 1);
    let ended = server.stop();
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains("root client"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_to_listen_makes_no_credentials() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = place.paneld().with("LISTEN", &address).run();
    refused.assert_refused(1, &["paneld: cannot listen on", &address]);
    assert!(!place.data_dir().join("initial-credentials").exists());
    drop(taken);

    place.paneld().serve().stop();
    assert!(place.data_dir().join("initial-credentials").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_terminal_the_credentials_are_printed_once_and_not_written() {
    let has_script = Launch::program("sh")
        .arg("-c")
        .arg("command -v script")
        .run();
    if has_script.code != Some(0) {
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: there is no `script`, which makes the terminal"
        );
        return;
    }
    let place = Place::new();
    let on_terminal = || {
        let program = env!("CARGO_BIN_EXE_paneld");
        Launch::program("script")
            .arg("--quiet")
            .arg("--return")
            .arg("--flush")
            .arg("--command")
            .arg(&format!("exec '{program}'"))
            .arg("/dev/null")
            .with("LISTEN", "127.0.0.1:0")
            .with("DATA_DIR", &place.data_dir().display().to_string())
            .with("LOG_FORMAT", "json")
    };
    let server = on_terminal().serve();
    // `script` passes the signal on to what it runs.
    server.process.signal("TERM");
    let ended = server.process.wait_for_end();
    let shown = read_credentials(&ended.stdout);
    let both = ended.stdout.clone() + &ended.stderr;
    assert_eq!(
        both.matches(&format!("secret: {}", shown.secret)).count(),
        1
    );
    // The other place is the line to try.
    assert_eq!(both.matches(&shown.secret).count(), 2, "{both}");
    assert!(!place.data_dir().join("initial-credentials").exists());

    let server = on_terminal().serve();
    let caller = server.caller(&shown.id, &shown.secret);
    assert_eq!(caller.get("/manage/me").await.status, 200);
    server.process.signal("TERM");
    let ended = server.process.wait_for_end();
    let both = ended.stdout + &ended.stderr;
    assert!(!both.contains("client secret:"), "{both}");
    assert!(!place.data_dir().join("initial-credentials").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_beyond_loopback_gets_a_warning() {
    let place = Place::new();
    let server = place.paneld().with("LISTEN", "0.0.0.0:0").serve();
    let ended = server.stop();
    let warnings = ended.log("WARN");
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    let text = warnings[0]["message"].as_str().unwrap();
    assert!(text.contains("without TLS"), "{text}");

    let ended = place.paneld().serve().stop();
    assert_eq!(ended.log("WARN"), [] as [Json; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credentials_never_go_where_a_link_points() {
    let place = Place::new();
    let target = place.write("elsewhere", "precious");
    fs::create_dir(place.data_dir()).unwrap();
    let file = place.data_dir().join("initial-credentials");
    std::os::unix::fs::symlink(&target, &file).unwrap();
    place.paneld().serve().stop();
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
    assert!(fs::symlink_metadata(&file).unwrap().is_file());
    assert_eq!(mode(&file), 0o600);
}
