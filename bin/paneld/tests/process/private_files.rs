//! Nobody but the owner reads what is kept, whatever the umask is and whatever was there before.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{Launch, Place, ROOT_ID, ROOT_SECRET, Server};

/// The program under this umask, with a root client.
fn under(umask: &str, place: &Place) -> Launch {
    let program = env!("CARGO_BIN_EXE_paneld");
    Launch::program("sh")
        .arg("-c")
        .arg(&format!("umask {umask}; exec '{program}'"))
        .with("LISTEN", "127.0.0.1:0")
        .with("DATA_DIR", &place.data_dir().display().to_string())
        .with("BOOTSTRAP_CLIENT_ID", ROOT_ID)
        .with("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Everything in a folder, at any depth.
fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything_in(&path));
        }
        found.push(path);
    }
    found
}

/// Tracks something for a new project of this name, so that logs are there, too.
async fn track(server: &Server, project: &str) {
    let made = json!({"name": project});
    let made = server.root().create("/manage/projects", made).await;
    let text = |name: &str| made["client"][name].as_str().unwrap().to_owned();
    let caller = server.caller(&text("id"), &text("secret"));
    let caller = caller.with_header("user-agent", "node");
    for _ in 0..3 {
        let event = json!({"type": "track", "payload": {"name": "paid", "profileId": "anna"}});
        assert_eq!(caller.post("/track", event).await.status, 200);
        let who = json!({"type": "identify", "payload": {"profileId": "anna"}});
        assert_eq!(caller.post("/track", who).await.status, 200);
    }
    let path = format!("/insights/{project}/profiles/anna");
    for _ in 0..1_000 {
        if server.root().get(&path).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("nothing was applied");
}

fn assert_private(folder: &Path, expected: &[&str]) {
    let found = everything_in(folder);
    for path in &found {
        let (mode, path) = (mode(path), path.display());
        assert_eq!(mode & 0o077, 0, "{path} is {mode:o}");
    }
    for name in expected {
        assert!(found.contains(&folder.join(name)), "{name} in {found:?}");
    }
}

const FILES: &[&str] = &[
    "lock",
    "catalog.sqlite",
    "catalog.sqlite-wal",
    "catalog.sqlite-shm",
    "spool.redb",
    "events.duckdb",
    "events.duckdb.wal",
    "tmp",
];

#[tokio::test(flavor = "multi_thread")]
async fn files_are_private_under_any_umask_and_in_any_folder() {
    for umask in ["0", "022", "077"] {
        let place = Place::new();
        let data = place.data_dir();
        fs::create_dir(&data).unwrap();
        set_mode(&data, 0o755);
        let server = under(umask, &place).serve();
        track(&server, "shop").await;
        assert_private(&data, FILES);
        let ended = server.stop();
        let warnings = ended.log("WARN");
        assert_eq!(warnings.len(), 1, "{}", ended.stderr);
        let text = warnings[0]["message"].as_str().unwrap();
        assert!(text.contains("look into the data folder"), "{text}");
        // It may be so on purpose.
        assert_eq!(mode(&data), 0o755);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_could_read_are_closed_to_them() {
    let place = Place::new();
    let data = place.data_dir();
    let server = under("0", &place).serve();
    assert_eq!(mode(&data), 0o700);
    track(&server, "shop").await;
    // Its logs are left, and more.
    server.process.signal("KILL");
    server.process.wait_for_end();
    fs::write(data.join("initial-credentials"), "secret").unwrap();
    for path in everything_in(&data) {
        let loose = if path.is_dir() { 0o777 } else { 0o666 };
        set_mode(&path, loose);
    }
    let server = under("022", &place).serve();
    track(&server, "second").await;
    assert_private(&data, FILES);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_everybody_may_write_to_is_refused_and_one_of_a_group_is_not() {
    let place = Place::new();
    let data = place.data_dir();
    fs::create_dir(&data).unwrap();
    for loose in [0o777, 0o1777, 0o702] {
        set_mode(&data, loose);
        let refused = under("022", &place).run();
        refused.assert_refused(1, &["may write to the data folder", "chmod o-w"]);
        assert_eq!(everything_in(&data), Vec::<PathBuf>::new());
    }
    // As Kubernetes gives a volume to a group, or systemd a state folder.
    for group in [0o2770, 0o750] {
        set_mode(&data, group);
        let server = under("022", &place).serve();
        assert_eq!(mode(&data), group);
        assert_eq!(server.stop().log("WARN").len(), 1);
    }
}
