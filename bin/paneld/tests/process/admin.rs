//! The operator's commands.

use serde_json::{Value as Json, json};

use crate::{
    first_start::sign_in,
    support::{Ended, Place, ROOT_ID, ROOT_SECRET},
};

/// Runs `paneld admin …` on the place's data.
fn admin(place: &Place, args: &str) -> Ended {
    place.paneld().arg("admin").args(args).run()
}

fn admin_json(place: &Place, args: &str) -> Json {
    admin(place, &format!("{args} --json")).json()
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

#[test]
fn an_empty_data_folder_can_be_administered() {
    let place = Place::new();
    // In a wrong folder nothing must be made: who looks for a way back in is led astray by it.
    for command in ["organizations list", "clients list", "projects list"] {
        let refused = admin(&place, command);
        refused.assert_refused(1, &["paneld: ", "there is no catalog at", "--data-dir"]);
    }
    assert!(!place.data_dir().exists());
    let made = admin_json(&place, "organizations create --name Acme");
    assert_eq!(made["id"], "acme");
    assert_eq!(made["name"], "Acme");
    assert_eq!(admin_json(&place, "organizations list"), json!([made]));
    let client = admin_json(&place, "clients create --name CLI --type root");
    assert_eq!(client["organizationId"], "acme");
    assert_eq!(text(&client["secret"]).len(), 53);
    // The list never shows it.
    let listed = admin(&place, "clients list --json").output();
    assert!(listed.contains(text(&client["id"])));
    assert!(!listed.contains("secret"));
}

#[test]
fn tables_are_for_people() {
    let place = Place::new();
    admin(&place, "organizations create --name Acme").output();
    let table = admin(&place, "organizations list").output();
    let lines = table.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "{table}");
    let columns = lines[0].split_whitespace().collect::<Vec<_>>();
    assert_eq!(columns, ["id", "name", "timezone", "createdAt"]);
    assert!(
        lines[1].split_whitespace().eq(["acme", "Acme", "UTC"]
            .into_iter()
            .chain(lines[1].split_whitespace().last()))
    );

    let made = admin(&place, "clients create --name CLI --type root").output();
    let field = |name: &str| {
        let line = made.lines().find(|line| line.trim().starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1))
            .unwrap_or_else(|| panic!("no {name} in {made}"))
    };
    assert_eq!(field("type"), "root");
    assert_eq!(field("projectId"), "-");
    assert!(field("secret").starts_with("sec_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_type_are_made_and_deleted_beside_a_running_server() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "Shop"});
    server.root().create("/manage/projects", body).await;
    for (kind, project) in [
        ("read", true),
        ("write", true),
        ("root", false),
        ("root", true),
    ] {
        let bound = if project { "--project shop" } else { "" };
        let args = format!("clients create --name {kind} --type {kind} {bound}");
        let made = admin_json(&place, &args);
        assert_eq!(made["type"], kind);
        let id = text(&made["id"]);
        let caller = server.caller(id, text(&made["secret"]));
        let me = caller.get("/manage/me").await;
        assert_eq!(me.status, 200, "{}", me.text);
        assert_eq!(me.body["data"]["client"]["type"], kind);
        let expected = if project { json!("shop") } else { Json::Null };
        assert_eq!(me.body["data"]["client"]["projectId"], expected);

        let done = admin(&place, &format!("clients delete {id}")).output();
        assert_eq!(done, format!("Deleted the client {id}.\n"));
        let path = format!("/manage/clients/{id}");
        assert_eq!(server.root().get(&path).await.status, 404);
        admin(&place, &format!("clients delete {id}"))
            .assert_refused(1, &["paneld: Client not found"]);
    }
    // The type is write where none is said.
    let made = admin_json(&place, "clients create --name W --project shop");
    assert_eq!(made["type"], "write");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_settings_of_a_client_can_be_given_and_taken_back() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "Shop"});
    server.root().create("/manage/projects", body).await;
    let made = admin_json(
        &place,
        "clients create --name Web --project shop --enabled false --expires-at 2999-01-01 \
         --allowed-ips 10.0.0.0/8,2001:db8::1 --cors https://a.example,*.b.example \
         --rate-limits manage=1000/1s,track=5/1m --ignore-cors-and-secret true",
    );
    let id = text(&made["id"]);
    assert_eq!(made["enabled"], false);
    assert_eq!(made["expiresAt"], "2999-01-01T00:00:00.000Z");
    assert_eq!(made["allowedIps"], json!(["10.0.0.0/8", "2001:db8::1"]));
    assert_eq!(made["cors"], json!(["https://a.example", "*.b.example"]));
    // Beyond what root clients may give.
    let limits = json!({
        "manage": {"limit": 1000, "windowSeconds": 1},
        "track": {"limit": 5, "windowSeconds": 60},
    });
    assert_eq!(made["rateLimits"], limits);
    assert_eq!(made["ignoreCorsAndSecret"], true);

    // What the command line shows is what the API shows.
    let mut shown = admin_json(&place, &format!("clients get {id}"));
    let path = format!("/manage/clients/{id}");
    assert_eq!(server.root().get(&path).await.body["data"], shown);
    assert_eq!(shown["secret"], Json::Null);

    let unset = format!(
        "clients update {id} --name Site --enabled true --expires-at never --allowed-ips any \
         --cors none --rate-limits server --ignore-cors-and-secret false"
    );
    let updated = admin_json(&place, &unset);
    for (field, value) in [
        ("name", json!("Site")),
        ("enabled", json!(true)),
        ("expiresAt", Json::Null),
        ("allowedIps", json!([])),
        ("cors", json!([])),
        ("rateLimits", Json::Null),
        ("ignoreCorsAndSecret", json!(false)),
    ] {
        assert_eq!(updated[field], value, "{field}");
        shown[field] = value;
    }
    shown["updatedAt"] = updated["updatedAt"].clone();
    assert_eq!(updated, shown, "nothing else changed");
    let back = admin_json(&place, &format!("clients update {id} --cors project"));
    assert_eq!(back["cors"], Json::Null);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_the_console_signs_in_beside_a_running_server() {
    let place = Place::new();
    let server = place.bootstrapped().with("LISTEN", "127.0.0.2:0").serve();
    let token = |link: &Json| {
        let url = text(&link["url"]);
        // Where the server said that it would listen, whatever this command would.
        let token = url.strip_prefix("http://127.0.0.2:0/console/#token=");
        token.unwrap_or_else(|| panic!("{url}")).to_owned()
    };
    let link = admin_json(&place, "console");
    assert_eq!(link["client"], ROOT_ID);
    assert_eq!(link["expiresInSeconds"], 900);
    let (status, session) = sign_in(&server, &token(&link)).await;
    assert_eq!(status, 200, "{session}");
    assert_eq!(session["client"]["id"], ROOT_ID);

    let shop = admin_json(&place, "projects create --name Shop");
    assert_eq!(shop["id"], "shop");
    let reader = admin_json(&place, "clients create --name R --type read --project shop");
    let of_reader = format!("console --client {}", text(&reader["id"]));
    let (status, session) = sign_in(&server, &token(&admin_json(&place, &of_reader))).await;
    assert_eq!((status, &session["client"]["type"]), (200, &json!("read")));

    let elsewhere = place.paneld().with("PUBLIC_URL", "https://stats.example");
    let printed = elsewhere.args("admin console").run().output();
    assert!(
        printed.contains("https://stats.example/console/#token="),
        "{printed}"
    );
    let nobody = "console --client 11111111-55f2-4d9e-bea0-da2e02c7b1a9";
    admin(&place, nobody).assert_refused(1, &["Client not found"]);
    admin(&place, &format!("clients update {ROOT_ID} --enabled false")).output();
    admin(&place, "console").assert_refused(1, &["--client"]);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_replaced_with_and_without_a_grace() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let status = async |secret: &str| {
        let caller = server.caller(ROOT_ID, secret);
        caller.get("/manage/me").await.status.as_u16()
    };
    let graceful = format!("clients rotate {ROOT_ID} --grace-seconds 3600");
    let first = admin_json(&place, &graceful);
    assert_eq!(text(&first["secret"]).len(), 53);
    assert!(first["previousSecretExpiresAt"].is_string());
    assert_eq!(status(text(&first["secret"])).await, 200);
    assert_eq!(status(ROOT_SECRET).await, 200);

    let second = admin_json(&place, &format!("clients rotate {ROOT_ID}"));
    assert_eq!(second["previousSecretExpiresAt"], Json::Null);
    assert_ne!(second["secret"], first["secret"]);
    let entries = admin_json(&place, "audit list --resource client --limit 1");
    assert_eq!(entries[0]["action"], "client.rotate");
    assert_eq!(entries.as_array().unwrap().len(), 1);
    server.stop();
    let server = place.bootstrapped().serve();
    let status = async |secret: &Json| {
        let caller = server.caller(ROOT_ID, text(secret));
        caller.get("/manage/me").await.status.as_u16()
    };
    assert_eq!(status(&second["secret"]).await, 200);
    assert_eq!(status(&first["secret"]).await, 401);
    assert_eq!(status(&json!(ROOT_SECRET)).await, 401);
    server.stop();
}

/// A secret of another server, and what that server stored of it.
const IMPORTED_SECRET: &str = "sec_0123456789abcdef0123";
const IMPORTED_HASH: &str = "00112233445566778899aabbccddeeff\
     .a1b61a14d7c3d8c933d607a316faf4eecd741472db2d77eb18ffde6b69c23fac";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_server_is_imported_with_its_secret() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let id = "0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b";
    let file = place.write("hash", &format!("{IMPORTED_HASH}\n"));
    let import = format!("clients import --id {id} --name Old --type root --hash-file {file}");
    let imported = admin_json(&place, &import);
    assert_eq!(imported["id"], id);
    assert_eq!(imported["secret"], Json::Null);
    for _ in 0..2 {
        let caller = server.caller(id, IMPORTED_SECRET);
        let me = caller.get("/manage/me").await;
        assert_eq!(me.body["data"]["client"]["id"], id, "{}", me.text);
    }
    let wrong = server.caller(id, "sec_0123456789abcdef0124");
    assert_eq!(wrong.get("/manage/me").await.status, 401);

    admin(&place, &import).assert_refused(1, &["There is a client of this id already"]);
    let other = "clients import --id 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1c --name X --type root";
    let absent = admin(&place, &format!("{other} --hash-file absent"));
    absent.assert_refused(1, &["cannot read absent"]);
    let secret = place.write("secret", IMPORTED_SECRET);
    let refused = admin(&place, &format!("{other} --hash-file {secret}"));
    refused.assert_refused(1, &[&secret, "32 hexadecimal digits"]);
    assert!(!refused.stderr.contains(IMPORTED_SECRET));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_tells_the_operator_from_clients() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let body = json!({"name": "Shop"});
    server.root().create("/manage/projects", body).await;
    let made = admin_json(&place, "clients create --name CLI --project shop");
    let entries = admin_json(&place, "audit list");
    let by = |id: &Json| {
        let mut entries = entries.as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["resourceId"] == *id).unwrap();
        (entry["action"].clone(), entry["clientId"].clone())
    };
    let by_operator = (json!("client.create"), Json::Null);
    assert_eq!(by(&made["id"]), by_operator);
    let by_client = (json!("project.create"), json!(ROOT_ID));
    assert_eq!(by(&json!("shop")), by_client);
    let of_shop = admin_json(&place, "audit list --resource-id shop");
    assert_eq!(of_shop.as_array().unwrap().len(), 1);
    let through_api = server.root().get("/manage/audit").await;
    assert_eq!(through_api.body["data"], entries);
    let table = admin(&place, "audit list --limit 1").output();
    assert_eq!(table.lines().count(), 2, "{table}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_delete_the_last_root_and_make_another() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let path = format!("/manage/clients/{ROOT_ID}");
    assert_eq!(server.root().delete(&path).await.status, 409);
    let done = admin_json(&place, &format!("clients delete {ROOT_ID}"));
    assert_eq!(done, json!({"success": true}));
    let made = admin_json(&place, "clients create --name Rescue --type root");
    let rescue = server.caller(text(&made["id"]), text(&made["secret"]));
    let listed = rescue.get("/manage/clients").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_listed_restored_and_purged_beside_a_running_server() {
    let place = Place::new();
    let server = place.bootstrapped().serve();
    let root = server.root();
    root.create("/manage/projects", json!({"name": "Shop"}))
        .await;
    root.create("/manage/projects", json!({"name": "Blog"}))
        .await;
    let table = admin(&place, "projects list").output();
    assert!(table.contains("shop") && table.contains("blog"), "{table}");

    admin(&place, "projects purge shop")
        .assert_refused(1, &["paneld: the project shop is not deleted"]);
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    let listed = admin_json(&place, "projects list");
    let ids = listed.as_array().unwrap().iter();
    let deleted = ids
        .filter(|project| !project["deleteAt"].is_null())
        .map(|project| text(&project["id"]));
    assert_eq!(deleted.collect::<Vec<_>>(), ["shop"]);

    let restored = admin_json(&place, "projects restore shop");
    assert_eq!(restored["deleteAt"], Json::Null);
    assert_eq!(root.get("/manage/projects/shop").await.status, 200);

    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    let done = admin(&place, "projects purge shop").output();
    assert_eq!(done, "Purged the project shop.\n");
    let gone = root.get("/manage/projects/shop?includeDeleted=true").await;
    assert_eq!(gone.status, 404);
    for command in ["projects restore shop", "projects purge shop"] {
        admin(&place, command).assert_refused(1, &["paneld: Project not found"]);
    }
    // Its id is never given out again.
    let again = root
        .create("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_ne!(again["id"], "shop");
    server.stop();
}

#[test]
fn with_several_organizations_one_must_be_named() {
    let place = Place::new();
    admin(&place, "organizations create --name One").output();
    admin(&place, "organizations create --name Two").output();
    let refused = admin(&place, "clients create --name X --type root");
    refused.assert_refused(1, &["--organization", "organizations list"]);
    let create = "clients create --name X --type root --organization two";
    assert_eq!(admin_json(&place, create)["organizationId"], "two");
    assert_eq!(
        admin_json(&place, "clients list --organization one"),
        json!([])
    );
    let listed = admin_json(&place, "clients list --organization two");
    assert_eq!(listed.as_array().unwrap().len(), 1);
    admin(&place, "clients list --organization three")
        .assert_refused(1, &["paneld: Organization not found"]);
}

#[test]
fn what_does_not_make_sense_is_told_in_a_sentence() {
    let place = Place::new();
    admin(&place, "organizations create --name Acme").output();
    for (args, code, sentence) in [
        (
            "clients create --name X --type read",
            1,
            "--project is required for read and write clients",
        ),
        (
            "clients create --name X --project absent",
            1,
            "Project not found",
        ),
        (
            "clients create --name X --type king",
            2,
            "read, write, root",
        ),
        ("clients create --type root", 2, "--name"),
        ("clients delete not-an-id", 2, "not-an-id"),
        (
            "clients get 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b",
            1,
            "Client not found",
        ),
        (
            "clients rotate 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b",
            1,
            "Client not found",
        ),
        (
            "clients rotate 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b --grace-seconds 604801",
            2,
            "604800",
        ),
        (
            "clients update 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b",
            1,
            "say what to change",
        ),
        (
            "clients update 0d4a6a3c-8a0a-4c9a-9c3e-0f6f6e3f4c1b --enabled false",
            1,
            "Client not found",
        ),
        (
            "clients create --name X --type root --expires-at soon",
            2,
            "--expires-at",
        ),
        (
            "clients create --name X --type root --allowed-ips 10.0.0.0/8,",
            2,
            "--allowed-ips",
        ),
        (
            "clients create --name X --type root --cors not/an/origin",
            2,
            "--cors",
        ),
        (
            "clients create --name X --type root --rate-limits manage",
            2,
            "--rate-limits",
        ),
        (
            "clients create --name X --type root --rate-limits all=1/1s",
            2,
            "insights",
        ),
        (
            "clients create --name X --type root --ignore-cors-and-secret true",
            1,
            "--ignore-cors-and-secret can only be true for write clients",
        ),
        (
            "audit list --resource nonsense",
            2,
            "organization, project, client, reference, profile or share_link",
        ),
        ("audit list --limit 0", 2, "--limit"),
        ("projects restore absent", 1, "Project not found"),
        ("organizations rename", 2, "rename"),
        ("", 2, "Usage:"),
    ] {
        let refused = admin(&place, args);
        refused.assert_refused(code, &[sentence]);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
    let blank = place.paneld().args("admin organizations create --name");
    blank.arg("  ").run().assert_refused(2, &["--name"]);
    assert_eq!(admin_json(&place, "clients list"), json!([]));
}

#[test]
fn migrate_makes_no_catalog_in_a_wrong_folder() {
    let place = Place::new();
    let refused = place.paneld().args("migrate").run();
    refused.assert_refused(1, &["there is no catalog at", "--create", "--data-dir"]);
    assert!(!place.data_dir().exists());
    std::fs::create_dir(place.data_dir()).unwrap();
    let refused = place.paneld().args("migrate").run();
    refused.assert_refused(1, &["there is no catalog at"]);
    assert_eq!(std::fs::read_dir(place.data_dir()).unwrap().count(), 0);
    place.paneld().args("migrate --create").run().output();
    place.paneld().args("migrate").run().output();
}

#[test]
fn organizations_and_projects_are_made_renamed_and_deleted() {
    let place = Place::new();
    let acme = admin_json(&place, "organizations create --name Acme");
    assert_eq!(acme["id"], "acme");
    admin_json(&place, "organizations create --name Other");
    let renamed = admin_json(&place, "organizations rename acme --name Umbrella");
    assert_eq!([&renamed["id"], &renamed["name"]], ["acme", "Umbrella"]);

    let shop = admin_json(&place, "projects create --name Shop --organization acme");
    assert_eq!([&shop["id"], &shop["organizationId"]], ["shop", "acme"]);
    assert!(text(&shop["client"]["secret"]).starts_with("sec_"));
    let all = admin_json(&place, "projects list --organization acme");
    assert_eq!(all[0]["eventsCount"], json!(null));
    let full = admin(&place, "organizations delete acme");
    full.assert_refused(1, &["the organization acme still has projects"]);
    let deleted = admin_json(&place, "projects delete shop");
    assert!(deleted["deleteAt"].is_string());
    let restored = admin_json(&place, "projects restore shop");
    assert_eq!(
        [&restored["deleteAt"], &restored["eventsCount"]],
        [&json!(null); 2]
    );
    admin_json(&place, "projects delete shop");
    admin(&place, "organizations delete acme").assert_refused(1, &["still has projects"]);
    admin_json(&place, "projects purge shop");
    // A client of the whole organization goes with it.
    admin_json(
        &place,
        "clients create --name Root --type root --organization acme",
    );
    let gone = admin_json(&place, "organizations delete acme");
    assert_eq!(gone, json!({"success": true}));
    let left = admin_json(&place, "organizations list");
    assert_eq!(left.as_array().unwrap().len(), 1);
    assert_eq!(left[0]["id"], "other");
    for command in [
        "organizations delete acme",
        "organizations rename acme --name X",
        "projects create --name X --organization acme",
        "projects delete shop",
    ] {
        admin(&place, command).assert_refused(1, &["not found"]);
    }
}

#[test]
fn help_of_a_command_is_about_the_command() {
    let place = Place::new();
    for command in [
        "admin clients list",
        "admin audit list",
        "admin organizations create",
    ] {
        let help = place
            .paneld()
            .args(&format!("{command} --help"))
            .run()
            .output();
        assert!(help.contains("--data-dir"), "{help}");
        for setting in ["--listen", "--bootstrap-organization", "--geoip"] {
            assert!(!help.contains(setting), "{command}: {help}");
        }
    }
    let unknown = place
        .paneld()
        .args("admin clients get --organization x")
        .run();
    assert_eq!(unknown.code, Some(2));
    assert!(!unknown.stderr.contains("bootstrap"), "{}", unknown.stderr);
    let misspelled = place
        .paneld()
        .args("admin clients list --organisation x")
        .run();
    assert!(
        misspelled.stderr.contains("'--organization'"),
        "{}",
        misspelled.stderr
    );
    // A flag of the catalog works before and behind a command.
    let elsewhere = place.data_dir().join("elsewhere");
    let elsewhere = elsewhere.to_str().unwrap();
    for args in [
        format!("--data-dir {elsewhere} migrate"),
        format!("migrate --data-dir {elsewhere}"),
        format!("admin --data-dir {elsewhere} clients list"),
        format!("admin clients list --data-dir {elsewhere}"),
    ] {
        place
            .paneld()
            .args(&args)
            .run()
            .assert_refused(1, &["elsewhere"]);
    }
}

#[test]
fn migrate_makes_the_tables_and_may_be_repeated() {
    let place = Place::new();
    for _ in 0..2 {
        let done = place.paneld().args("migrate --create").run().output();
        assert_eq!(done, "The catalog is up to date.\n");
        assert!(place.data_dir().join("catalog.sqlite").exists());
    }
    assert_eq!(admin_json(&place, "organizations list"), json!([]));
}

#[test]
fn a_catalog_that_is_none_is_an_error_in_a_sentence() {
    let place = Place::new();
    std::fs::create_dir(place.data_dir()).unwrap();
    std::fs::write(place.data_dir().join("catalog.sqlite"), "not a database").unwrap();
    for command in ["serve", "migrate", "admin organizations list"] {
        let refused = place.paneld().args(command).run();
        refused.assert_refused(1, &["paneld: cannot ", "file is not a database"]);
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
}
