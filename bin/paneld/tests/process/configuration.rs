//! Flags, environment, file and defaults.

use crate::support::{Place, ROOT_ID, ROOT_SECRET};

/// What `paneld config` says of a setting.
fn shown(printed: &str, key: &str) -> String {
    let line = printed
        .lines()
        .find(|line| line.starts_with(&format!("{key} = ")));
    line.unwrap_or_else(|| panic!("no {key} in {printed}"))
        .to_owned()
}

#[test]
fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
    let place = Place::new();
    let file = place.write("paneld.toml", "shutdown_timeout = 3\nlog = \"error\"\n");
    let launch = || place.bare().args("config");
    let with_file = || launch().args("--config").arg(&file);
    let timeout = |printed: String| shown(&printed, "shutdown_timeout");

    let printed = launch().run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"30\" # default");
    let printed = with_file().run().output();
    assert_eq!(shown(&printed, "log"), "log = \"error\" # file");
    assert_eq!(timeout(printed), "shutdown_timeout = \"3\" # file");
    let printed = with_file().with("SHUTDOWN_TIMEOUT", "2").run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"2\" # environment");
    let by_flag = with_file().with("SHUTDOWN_TIMEOUT", "2");
    let printed = by_flag.args("--shutdown-timeout 1").run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"1\" # flag");
    // The file can be named by the environment too, and flags may stand before the command.
    let printed = launch().with("CONFIG", &file).run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"3\" # file");
    let before = place.bare().args("--shutdown-timeout 1 config");
    let printed = before.run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"1\" # flag");
    // An empty variable is none.
    let printed = with_file().with("SHUTDOWN_TIMEOUT", "").run().output();
    assert_eq!(timeout(printed), "shutdown_timeout = \"3\" # file");
}

#[test]
fn the_printed_configuration_is_a_configuration_file() {
    let place = Place::new();
    let printed = place.bare().args("config --listen 127.0.0.1:4711").run();
    let file = place.write("paneld.toml", &printed.output());
    let again = place.bare().args("config --config").arg(&file).run();
    let again = again.output();
    assert_eq!(
        shown(&again, "listen"),
        "listen = \"127.0.0.1:4711\" # file"
    );
}

#[test]
fn all_unknown_keys_are_told_at_once_with_what_may_be_meant() {
    let place = Place::new();
    let text = "listne = \"127.0.0.1:0\"\ncatalog-url = \"x\"\nxyzzy = 1\nevents_memory = 192\n";
    let file = place.write("paneld.toml", text);
    let refused = place.paneld().args("config --config").arg(&file).run();
    refused.assert_refused(
        1,
        &[
            "has unknown keys: ",
            "listne (did you mean listen?)",
            "catalog-url (did you mean catalog_url?)",
            "xyzzy",
        ],
    );
    assert!(!refused.stderr.contains("xyzzy ("), "{}", refused.stderr);
    let warned = place
        .paneld()
        .args("config")
        .with("EVENTS_MEMROY", "1")
        .run();
    let hint = "PANELD_EVENTS_MEMROY (did you mean PANELD_EVENTS_MEMORY?)";
    assert!(warned.stderr.contains(hint), "{}", warned.stderr);
}

#[test]
fn an_unknown_key_of_the_file_is_an_error() {
    let place = Place::new();
    let file = place.write("paneld.toml", "listne = \"127.0.0.1:0\"\n");
    for command in ["config", "serve", "migrate", "admin organizations list"] {
        let refused = place.paneld().args(command).args("--config").arg(&file);
        let refused = refused.run();
        refused.assert_refused(1, &["has an unknown key: listne", &file]);
    }
    assert!(!place.data_dir().exists());
}

#[test]
fn a_file_that_is_absent_or_no_toml_is_an_error() {
    let place = Place::new();
    let absent = place.path().join("absent.toml").display().to_string();
    let refused = place.bare().args("config --config").arg(&absent).run();
    refused.assert_refused(1, &["cannot read the configuration file", &absent]);
    let broken = place.write("broken.toml", "log = \"info\"\nlisten =\n");
    let refused = place.bare().args("config --config").arg(&broken).run();
    refused.assert_refused(1, &["is not TOML: line 2: ", &broken]);
    let nested = place.write("nested.toml", "[listen]\nport = 1\n");
    let refused = place.bare().args("config --config").arg(&nested).run();
    refused.assert_refused(1, &["listen in the configuration file", &nested]);
}

#[test]
fn an_error_in_the_file_does_not_show_its_secrets() {
    let place = Place::new();
    for text in [
        format!("bootstrap_client_secret = \"{ROOT_SECRET}\n"),
        format!("bootstrap_client_secret = {ROOT_SECRET}\n"),
        format!("bootstrap_client_secret = \"{ROOT_SECRET}\" listen = 1\n"),
        format!("bootstrap_client_secret = [\"{ROOT_SECRET}\", 1]\n"),
        format!("bootstrap_client_id = 1\nbootstrap_client_secret = \"{ROOT_SECRET} \"\n"),
    ] {
        let file = place.write("paneld.toml", &text);
        let refused = place.bare().args("config --config").arg(&file).run();
        refused.assert_refused(1, &["paneld: "]);
        let stderr = &refused.stderr;
        assert!(!stderr.contains(ROOT_SECRET), "{stderr}");
    }
}

#[test]
fn an_unknown_flag_is_an_error() {
    let place = Place::new();
    let refused = place.paneld().args("--listne 127.0.0.1:0").run();
    refused.assert_refused(2, &["--listne"]);
    // Arguments can be seen by everyone on the machine: secrets are no flags, and are not echoed.
    let secret = format!("--bootstrap-client-secret={ROOT_SECRET}");
    let refused = place.paneld().arg(&secret).run();
    refused.assert_refused(2, &["--bootstrap-client-secret"]);
    assert!(!refused.stderr.contains(ROOT_SECRET), "{}", refused.stderr);
    assert!(!place.data_dir().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_variable_is_a_warning() {
    let place = Place::new();
    let ended = place.bootstrapped().with("LISTNE", "x").serve().stop();
    let warnings = ended.log("WARN");
    assert_eq!(warnings.len(), 1, "{}", ended.stderr);
    let text = warnings[0]["message"].as_str().unwrap();
    assert!(text.contains("PANELD_LISTNE"), "{text}");

    let printed = place.bare().args("config").with("LISTNE", "x").run();
    assert_eq!(printed.code, Some(0));
    assert!(printed.stderr.contains("PANELD_LISTNE"));
    assert!(!printed.stdout.contains("LISTNE"));
}

#[test]
fn every_bad_value_is_told_at_once_with_its_name_and_an_example() {
    let place = Place::new();
    let file = place.write("paneld.toml", "rate_limit_export = \"often\"\n");
    let refused = place
        .paneld()
        .args("--shutdown-timeout soon --config")
        .arg(&file)
        .with("LISTEN", "here")
        .with("RATE_LIMIT_MANAGE", "20")
        .with("RATE_LIMIT_CLIENT_FACTOR", "0")
        .with("RATE_LIMIT_AUTH_FAILURES", "0/60s")
        .with("TRUSTED_PROXIES", "127.0.0.0/8, proxy")
        .with("VISITOR_ADDRESS", "some")
        .with("RATE_LIMIT_NEW_VISITORS", "many")
        .with("ALLOW_ROOT_CREATION", "maybe")
        .with("LOG_FORMAT", "xml")
        .with("BOOTSTRAP_CLIENT_ID", "root")
        .with("BOOTSTRAP_CLIENT_SECRET", "short")
        .with("CATALOG_URL", "mysql://localhost")
        .run();
    refused.assert_refused(1, &["paneld: the configuration is wrong:"]);
    let problems = refused.stderr.lines().skip(1).collect::<Vec<_>>();
    for (name, example) in [
        ("PANELD_LISTEN: \"here\"", "127.0.0.1:3333"),
        ("PANELD_RATE_LIMIT_MANAGE: \"20\"", "20/10s"),
        ("PANELD_RATE_LIMIT_CLIENT_FACTOR: \"0\"", "10"),
        ("PANELD_RATE_LIMIT_AUTH_FAILURES: \"0/60s\"", "30/60s"),
        ("PANELD_TRUSTED_PROXIES: ", "10.0.0.0/8"),
        (
            "PANELD_VISITOR_ADDRESS: \"some\" must be any or trusted",
            "trusted",
        ),
        ("PANELD_RATE_LIMIT_NEW_VISITORS: ", "10000/100s"),
        ("PANELD_ALLOW_ROOT_CREATION: \"maybe\"", "true"),
        ("PANELD_LOG_FORMAT: \"xml\"", "json"),
        ("PANELD_BOOTSTRAP_CLIENT_ID: \"root\"", ROOT_ID),
        ("PANELD_BOOTSTRAP_CLIENT_SECRET: its value", "openssl rand"),
        ("PANELD_CATALOG_URL: its value must be sqlite:", "sqlite:"),
        (
            "rate_limit_export in the configuration file: \"often\"",
            "100/10s",
        ),
        ("--shutdown-timeout: \"soon\"", "30"),
    ] {
        let told = problems.iter().find(|line| line.trim().starts_with(name));
        let told = told.unwrap_or_else(|| panic!("no {name:?} in {}", refused.stderr));
        let (_, shown) = told.split_once("(for example ").unwrap();
        assert!(shown.contains(example), "{told}");
    }
    assert_eq!(problems.len(), 14, "{}", refused.stderr);
    assert!(!place.data_dir().exists());
}

#[test]
fn the_printed_configuration_masks_secrets() {
    let place = Place::new();
    let by_environment = place.bootstrapped().args("config").run();
    let file = place.write(
        "paneld.toml",
        &format!(
            "bootstrap_client_id = \"{ROOT_ID}\"\nbootstrap_client_secret = \"{ROOT_SECRET}\"\n"
        ),
    );
    let by_file = place.bare().args("config --config").arg(&file).run();
    for (printed, source) in [(by_environment, "environment"), (by_file, "file")] {
        let stderr = printed.stderr.clone();
        let printed = printed.output();
        assert!(!(printed.clone() + &stderr).contains(ROOT_SECRET));
        assert_eq!(
            shown(&printed, "bootstrap_client_secret"),
            format!("bootstrap_client_secret = \"********\" # {source}")
        );
        assert!(printed.contains(ROOT_ID));
    }
    assert!(!place.data_dir().exists());
}

#[test]
fn the_reference_names_every_setting() {
    let place = Place::new();
    let printed = place.bare().args("config --reference").run().output();
    for setting in &paneld::config::SETTINGS {
        assert!(printed.contains(&format!("## `{}`", setting.key)));
        assert!(printed.contains(&setting.variable()));
    }
    assert!(!place.path().join("paneld-data").exists());
}

#[test]
fn the_openapi_document_can_be_printed() {
    let place = Place::new();
    let printed = place.bare().args("openapi").run().json();
    let own = paneld_http::document(&paneld_http::Prefix::ROOT)
        .to_json()
        .unwrap();
    let own = serde_json::from_str::<serde_json::Value>(&own).unwrap();
    assert_eq!(printed, own);
    assert!(!place.path().join("paneld-data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_the_server() {
    let place = Place::new();
    let file = place.write(
        "paneld.toml",
        "rate_limit_manage = \"7/10s\"\nallow_root_creation = false\n",
    );
    let server = place
        .paneld()
        .with("BOOTSTRAP_CLIENT_ID", ROOT_ID)
        .with("BOOTSTRAP_CLIENT_SECRET", ROOT_SECRET)
        .args("serve --config")
        .arg(&file)
        .serve();
    let body = serde_json::json!({"name": "Root", "type": "root"});
    let refused = server.root().post("/manage/clients", body).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(refused.headers["x-ratelimit-limit"], "7");
    server.stop();
}
