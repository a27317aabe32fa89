//! The OpenAPI document, held against what the server does.

use std::collections::BTreeSet;

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, Reply, TestServer};

/// The document, as its readers see it.
pub(crate) struct Document(Json);

/// An operation of the document.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    json: &'a Json,
}

impl Operation<'_> {
    /// Only what says of itself that it needs no credentials needs none.
    fn needs_credentials(&self) -> bool {
        self.json.get("security").is_none()
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The status of an answer when all is well.
    fn success(&self) -> &str {
        let responses = self.json["responses"].as_object().unwrap();
        let found = responses.keys().find(|status| status.starts_with('2'));
        found.unwrap_or_else(|| panic!("{} never succeeds", self.name()))
    }

    async fn call(&self, caller: &Caller, prefix: &str) -> Reply {
        let path = self.path.replace("{id}", "x");
        let method = self.method.to_uppercase().parse::<Method>().unwrap();
        let path = format!("{prefix}{path}");
        caller.send(method, &path, None).await
    }
}

impl Document {
    pub(crate) fn new() -> Self {
        let text = paneld_http::document(&paneld_http::Prefix::ROOT)
            .to_json()
            .unwrap();
        Self(serde_json::from_str(&text).unwrap())
    }

    fn operations(&self) -> Vec<Operation<'_>> {
        let paths = self.0["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.filter_map(move |(method, json)| {
                let known = ["get", "post", "put", "patch", "delete"];
                known
                    .contains(&method.as_str())
                    .then_some(Operation { path, method, json })
            })
        });
        operations.collect()
    }

    /// The paths that can be read, each with the names of its query parameters.
    pub(crate) fn query_parameters(&self) -> Vec<(String, Vec<String>)> {
        let reading = self.operations().into_iter();
        let reading = reading.filter(|operation| operation.method == "get");
        let named = reading.map(|operation| {
            let parameters = operation.json["parameters"].as_array();
            let in_query = parameters.into_iter().flatten();
            let in_query = in_query.filter(|parameter| parameter["in"] == "query");
            let names = in_query.map(|parameter| parameter["name"].as_str().unwrap().to_owned());
            (operation.path.to_owned(), names.collect())
        });
        named.collect()
    }

    /// All ways to call what needs credentials, but for what belongs to a session.
    pub(crate) fn gated_operations(&self) -> Vec<(Method, String)> {
        let gated = self.operations().into_iter();
        let gated = gated.filter(|one| {
            let is_open = !one.needs_credentials() || one.path.starts_with("/console/");
            !is_open
        });
        let named = gated.map(|one| {
            let method = one.method.to_uppercase().parse().unwrap();
            (method, one.path.to_owned())
        });
        named.collect()
    }

    /// What holds replies against the schema of this name.
    pub(crate) fn validator(&self, name: &str) -> Schema {
        let reference = json!({"$ref": format!("#/components/schemas/{name}")});
        self.validator_of(&reference)
    }

    /// What holds values against a schema that may refer to others of the document. Fields that
    /// the document does not know are wrong too.
    fn validator_of(&self, schema: &Json) -> Schema {
        let mut whole = schema.clone();
        let mut components = self.0["components"].clone();
        close_children(&mut components["schemas"]);
        whole["components"] = components;
        whole["unevaluatedProperties"] = json!(false);
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&whole)
            .unwrap();
        Schema(validator)
    }

    /// The schema of what an operation answers with 200.
    fn reply_schema(&self, operation: &Operation<'_>) -> Schema {
        let content = &operation.json["responses"][operation.success()]["content"];
        self.validator_of(&content["application/json"]["schema"])
    }
}

/// Forbids unknown fields in every value of a field or list. Not in the schemas themselves, which
/// may be parts of others.
fn close_children(schema: &mut Json) {
    let Some(fields) = schema.as_object_mut() else {
        if let Some(entries) = schema.as_array_mut() {
            entries.iter_mut().for_each(close_children);
        }
        return;
    };
    for (key, value) in fields {
        if key == "properties" {
            let properties = value.as_object_mut().unwrap();
            properties.values_mut().for_each(close);
        } else if key == "items" || key == "additionalProperties" {
            close(value);
        }
        close_children(value);
    }
}

fn close(schema: &mut Json) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// What holds values against a schema.
pub(crate) struct Schema(Validator);

impl Schema {
    pub(crate) fn assert_valid(&self, value: &Json) {
        let problems = self.problems(value);
        assert_eq!(problems, [""; 0], "{value:#}");
    }

    fn problems(&self, value: &Json) -> Vec<String> {
        let errors = self.0.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    }
}

#[test]
fn the_check_itself_finds_what_is_wrong() {
    let document = Document::new();
    let schema = document.validator("Error");
    let good = json!({"status": 404, "error": "Not Found", "message": "x", "requestId": "y"});
    schema.assert_valid(&good);
    let with = |key: &str, value: Json| {
        let mut changed = good.clone();
        changed[key] = value;
        changed
    };
    for wrong in [
        json!({}),
        with("status", json!("404")),
        with("requestId", Json::Null),
        with("unheard", json!("of")),
        with("details", json!([{"path": [true], "message": "x"}])),
        with("details", json!([{"path": [], "message": "x", "more": 1}])),
    ] {
        assert_ne!(schema.problems(&wrong), [""; 0], "{wrong}");
    }
    // The same inside what others refer to.
    let operations = document.operations();
    let get_client = operations
        .iter()
        .find(|operation| operation.name() == "get /manage/clients/{id}");
    let schema = document.reply_schema(get_client.unwrap());
    let mut client = json!({
        "id": "b8904453-863d-4e04-8ebc-8abae30ffb1a", "name": "CI", "type": "read",
        "projectId": "my-shop", "organizationId": "acme", "ignoreCorsAndSecret": false,
        "enabled": true, "expiresAt": null, "allowedIps": [], "cors": null, "rateLimits": null,
        "lastUsedAt": null, "createdAt": "2026-01-15T10:30:00.000Z",
        "updatedAt": "2026-01-15T10:30:00.000Z"
    });
    schema.assert_valid(&json!({"data": client}));
    assert_ne!(schema.problems(&client), [""; 0]);
    client["createdAt"] = json!("yesterday");
    assert_ne!(schema.problems(&json!({"data": client})), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_to_everyone() {
    let server = TestServer::start().await;
    let own = Document::new();
    for path in ["/openapi.json", "/api/openapi.json"] {
        let reply = server.anonymous().get(path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.body, own.0);
    }
    let version = own.0["openapi"].as_str().unwrap();
    assert!(version.starts_with("3.1."), "{version}");
    server.stop().await;
}

#[test]
fn the_document_has_every_endpoint_and_no_other() {
    let document = Document::new();
    let documented = document
        .operations()
        .iter()
        .map(Operation::name)
        .collect::<BTreeSet<_>>();
    let routed = paneld_http::endpoints();
    let routed = routed.iter().map(|endpoint| {
        let method = endpoint.method().as_str().to_lowercase();
        format!("{method} {}", endpoint.path())
    });
    let routed = routed.collect::<Vec<_>>();
    let unique = routed.iter().cloned().collect::<BTreeSet<_>>();
    assert_eq!(routed.len(), unique.len(), "routed twice: {routed:?}");
    assert_eq!(documented, unique);
    assert!(documented.len() >= 22, "{documented:?}");
}

#[test]
fn every_operation_says_what_it_is_and_what_it_answers() {
    let document = Document::new();
    let mut ids = BTreeSet::new();
    for operation in document.operations() {
        let name = operation.name();
        let text = |key: &str| operation.json[key].as_str().unwrap_or_default();
        assert!(!text("summary").is_empty(), "{name}");
        assert!(ids.insert(text("operationId")), "{name}: not unique");
        let tags = operation.json["tags"].as_array().unwrap();
        let listed = document.0["tags"].as_array().unwrap();
        for tag in tags {
            assert!(listed.iter().any(|known| &known["name"] == tag), "{name}");
        }
        let reply = &operation.json["responses"][operation.success()];
        let content = &reply["content"];
        let types = ["application/json", "text/plain", "text/event-stream"];
        let content = types.iter().find_map(|name| content.get(name));
        let content = content.unwrap_or(&Json::Null);
        let has_shape = content.get("schema").is_some() || content.get("example").is_some();
        assert!(
            has_shape || operation.success() == "204",
            "{name} does not say what it answers"
        );
        assert!(!reply["description"].as_str().unwrap().is_empty(), "{name}");
        let in_path = operation.path.matches('{').count();
        let parameters = operation.json["parameters"].as_array();
        let declared = parameters.map_or(0, |parameters| {
            let declared = parameters.iter().filter(|one| one["in"] == "path");
            declared.count()
        });
        assert_eq!(in_path, declared, "{name}");
    }
}

#[test]
fn everything_that_is_referred_to_is_there() {
    fn references<'a>(json: &'a Json, found: &mut BTreeSet<&'a str>) {
        match json {
            Json::Object(fields) => {
                if let Some(Json::String(target)) = fields.get("$ref") {
                    found.insert(target);
                }
                fields.values().for_each(|value| references(value, found));
            }
            Json::Array(entries) => entries.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = Document::new();
    let mut found = BTreeSet::new();
    references(&document.0, &mut found);
    assert!(!found.is_empty());
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.0.pointer(pointer).is_some(), "{target}");
    }
    let schemes = document.0["components"]["securitySchemes"].as_object();
    let schemes = schemes.unwrap();
    for way in document.0["security"].as_array().unwrap() {
        for name in way.as_object().unwrap().keys() {
            assert!(schemes.contains_key(name), "{name}");
        }
    }
}

#[test]
fn the_examples_of_the_document_fit_their_schemas() {
    let document = Document::new();
    let schemas = document.0["components"]["schemas"].as_object().unwrap();
    let mut seen = 0;
    for (name, schema) in schemas {
        if let Some(example) = schema.get("example") {
            let problems = document.validator(name).problems(example);
            assert_eq!(problems, [""; 0], "{name}");
            seen += 1;
        }
    }
    for operation in document.operations() {
        let content = &operation.json["requestBody"]["content"]["application/json"];
        if let Some(example) = content.get("example") {
            let schema = document.validator_of(&content["schema"]);
            assert_eq!(schema.problems(example), [""; 0], "{}", operation.name());
            seen += 1;
        }
    }
    let responses = document.0["components"]["responses"].as_object().unwrap();
    for (name, response) in responses {
        let content = &response["content"]["application/json"];
        let schema = document.validator_of(&content["schema"]);
        assert_eq!(schema.problems(&content["example"]), [""; 0], "{name}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_needs_credentials_is_refused_without_and_with_the_wrong_type() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "1000/10s")]).await;
    server.create_project("Shop").await;
    let mut callers = Vec::new();
    for client_type in ["read", "write"] {
        let body = json!({"name": "Weak", "type": client_type, "projectId": "shop"});
        let client = server.create_client(body).await;
        callers.push(server.caller_of(&client));
    }
    let document = Document::new();
    let mut checked = 0;
    for operation in document.operations() {
        let name = operation.name();
        for prefix in ["", "/api"] {
            let reply = operation.call(&server.anonymous(), prefix).await;
            if operation.path.starts_with("/console/") {
                let status = if operation.method == "post" { 403 } else { 401 };
                assert_eq!(reply.status, status, "{name}: {}", reply.text);
                continue;
            }
            if !operation.needs_credentials() {
                assert_eq!(reply.status, 200, "{name}");
                continue;
            }
            if !operation.path.starts_with("/manage") {
                assert_eq!(reply.status, 401, "{name}: {}", reply.text);
                continue;
            }
            let message = "Manage: Client ID must be a valid UUIDv4";
            reply.assert_error(401, message);
            assert_eq!(reply.header("www-authenticate"), "Basic realm=\"paneld\"");
            for caller in &callers {
                // Those who read a project may share it.
                if operation.path.contains("/share-links") {
                    continue;
                }
                let reply = operation.call(caller, prefix).await;
                if operation.path == "/manage/me" {
                    assert_eq!(reply.status, 200, "{name}");
                    continue;
                }
                let message = "Manage: Only root clients are allowed to manage resources";
                reply.assert_error(401, message);
                assert_eq!(reply.body["code"], "insufficient_permissions", "{name}");
            }
            checked += 1;
        }
    }
    assert!(checked >= 2 * 19, "{checked}");
    server.stop().await;
}

/// A caller whose replies must be as the document says.
struct Checked<'a> {
    caller: Caller,
    document: &'a Document,
    used: BTreeSet<String>,
}

impl Checked<'_> {
    /// Calls an operation, on the thing of this id, and returns what the reply calls `data`.
    async fn call(&mut self, name: &str, id: &str, query: &str, body: Option<Json>) -> Json {
        let operations = self.document.operations();
        let operation = operations.iter().find(|one| one.name() == name);
        let operation = operation.unwrap_or_else(|| panic!("{name} is not documented"));
        if let (Some(body), Some(documented)) = (&body, operation.json.get("requestBody")) {
            let content = &documented["content"]["application/json"];
            let schema = self.document.validator_of(&content["schema"]);
            assert_eq!(schema.problems(body), [""; 0], "{name}: {body}");
        }
        let path = operation.path.replace("{projectId}", "bare");
        let path = path.replace("{id}", id).replace("{profileId}", id);
        let path = path.replace("{groupId}", id).replace("{dimension}", id);
        // Of links the project is the same one.
        let path = path.replace("{linkId}", query);
        let query = if operation.path.contains("{linkId}") {
            ""
        } else {
            query
        };
        let path = format!("{path}{query}");
        let method = operation.method.to_uppercase().parse::<Method>().unwrap();
        let reply = match body {
            Some(body) => {
                let text = body.to_string();
                self.caller.send_text(method, &path, &text).await
            }
            None => self.caller.send(method, &path, None).await,
        };
        self.used.insert(name.to_owned());
        let responses = &operation.json["responses"];
        let status = operation.success();
        assert_eq!(reply.status.as_str(), status, "{name}: {}", reply.text);
        if !matches!(status, "200" | "201") {
            return Json::Null;
        }
        if reply.body.is_null() {
            return Json::Null;
        }
        let problems = self.document.reply_schema(operation).problems(&reply.body);
        assert_eq!(problems, [""; 0], "{name}: {:#}", reply.body);
        let headers = responses[status]["headers"].as_object();
        let sometimes = ["x-paneld-ignored", "preference-applied"];
        let always = headers.unwrap().keys();
        for header in always.filter(|name| !sometimes.contains(&name.as_str())) {
            assert_ne!(reply.header(header), "", "{name}: {header}");
        }
        reply.body["data"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_replies_are_as_the_document_says() {
    let settings = [("RATE_LIMIT_MANAGE", "1000/10s")];
    let server = TestServer::start_with(&settings).await;
    let document = Document::new();
    let mut root = Checked {
        caller: server.root(),
        document: &document,
        used: BTreeSet::new(),
    };
    let text = |json: &Json| json.as_str().unwrap().to_owned();

    // Everything empty, then everything filled.
    for name in ["projects", "clients", "references"] {
        root.call(&format!("get /manage/{name}"), "", "", None)
            .await;
    }
    root.call("get /manage/organization", "", "", None).await;
    let body = json!({"name": "Acme 2", "timezone": "Europe/Stockholm"});
    root.call("patch /manage/organization", "", "", Some(body))
        .await;
    let bare = json!({"name": "Bare"});
    root.call("post /manage/projects", "", "", Some(bare)).await;
    let full = json!({
        "name": "Shop", "domain": "https://shop.example", "cors": ["*.shop.example", "*"],
        "crossDomain": true, "types": ["website", "app", "backend"], "retentionDays": 30,
        "allowUnsafeRevenueTracking": true,
        "filters": [
            {"type": "ip", "ip": "192.0.2.7"},
            {"type": "profile_id", "profileId": "p"},
            {"type": "event", "name": "e"},
        ],
    });
    root.call("post /manage/projects", "", "", Some(full)).await;
    root.call("get /manage/projects/{id}", "shop", "", None)
        .await;
    let clear = json!({"domain": null, "retentionDays": null, "filters": []});
    root.call("patch /manage/projects/{id}", "shop", "", Some(clear))
        .await;

    let kinds = [
        ("read", json!("shop")),
        ("write", json!("shop")),
        ("root", Json::Null),
    ];
    let mut last = String::new();
    for (kind, project) in kinds {
        let body = json!({
            "name": kind, "type": kind, "projectId": project,
            "expiresAt": "2027-01-01T00:00:00.000Z", "cors": ["https://shop.example"],
            "allowedIps": ["127.0.0.0/8"], "ignoreCorsAndSecret": kind == "write",
            "rateLimits": {"manage": {"limit": 50, "windowSeconds": 10}},
        });
        let client = root.call("post /manage/clients", "", "", Some(body)).await;
        last = text(&client["id"]);
        let mut own = Checked {
            caller: server.caller_of(&client),
            document: &document,
            used: BTreeSet::new(),
        };
        own.call("get /manage/me", "", "", None).await;
    }
    let body = json!({"name": "Bare", "projectId": "bare"});
    root.call("post /manage/clients", "", "", Some(body)).await;
    server.do_chores().await;
    root.call("get /manage/clients/{id}", &last, "", None).await;
    let body = json!({"expiresAt": null, "cors": null, "rateLimits": null, "allowedIps": []});
    root.call("patch /manage/clients/{id}", &last, "", Some(body))
        .await;
    let rotate = "post /manage/clients/{id}/rotate";
    root.call(rotate, &last, "", None).await;
    let body = json!({"graceSeconds": 60});
    root.call(rotate, &last, "", Some(body)).await;

    let body = json!({
        "projectId": "shop", "title": "Launch", "description": "v2",
        "datetime": "2024-01-15T10:00:00.000Z",
    });
    let reference = root
        .call("post /manage/references", "", "", Some(body))
        .await;
    let reference = text(&reference["id"]);
    let body = json!({"description": null});
    root.call("patch /manage/references/{id}", &reference, "", Some(body))
        .await;
    root.call("get /manage/references/{id}", &reference, "", None)
        .await;

    for name in ["projects", "clients", "references"] {
        let name = format!("get /manage/{name}");
        for query in ["", "?limit=1", "?limit=1000"] {
            root.call(&name, "", query, None).await;
        }
    }
    for query in ["", "?limit=1", "?resource=client"] {
        root.call("get /manage/audit", "", query, None).await;
    }
    root.call("get /manage/me", "", "", None).await;
    root.call("delete /manage/references/{id}", &reference, "", None)
        .await;
    root.call("delete /manage/clients/{id}", &last, "", None)
        .await;
    root.call("delete /manage/projects/{id}", "shop", "", None)
        .await;
    root.call("get /manage/projects", "", "?includeDeleted=true", None)
        .await;
    for path in ["/healthz/live", "/healthz/ready", "/healthcheck"] {
        root.call(&format!("get {path}"), "", "", None).await;
    }

    let event = json!({"name": "signup", "profileId": "anna"});
    let body = json!({"type": "track", "payload": event});
    let there = "?projectId=bare";
    root.call("post /track", "", there, Some(body)).await;
    root.call("get /track/device-id", "", there, None).await;
    root.call("post /event", "", there, Some(event)).await;
    let body = json!({"profileId": "anna", "firstName": "Anna", "properties": {"a.b": 1}});
    root.call("post /profile", "", there, Some(body)).await;
    let group = json!({"id": "acme", "type": "company", "name": "Acme", "properties": {"a": 1}});
    let join = json!({"groupIds": ["acme"], "profileId": "anna"});
    for body in [
        json!({"type": "group", "payload": group}),
        json!({"type": "assign_group", "payload": join}),
    ] {
        root.call("post /track", "", there, Some(body)).await;
    }
    let body = json!({"profileId": "anna", "property": "visits"});
    for name in ["increment", "decrement"] {
        let name = format!("post /profile/{name}");
        root.call(&name, "", there, Some(body.clone())).await;
    }
    let old = |name: &str, at: &str| {
        json!({"name": name, "device_id": "old", "profile_id": "anna", "session_id": "old",
            "created_at": at})
    };
    let body = json!([
        old("old", "2025-12-01 10:00:00"),
        old("older", "2025-12-01 09:00:00")
    ]);
    root.call("post /import/events", "", there, Some(body))
        .await;
    server.settle().await;
    root.call("get /insights/{projectId}/live", "", "", None)
        .await;
    root.call("get /insights/{projectId}/stream", "", "", None)
        .await;
    let profile = "get /insights/{projectId}/profiles/{profileId}";
    root.call(profile, "anna", "", None).await;
    for list in [
        "metrics",
        "overview",
        "pages",
        "pages/top",
        "pages/entry_exit",
        "pages/performance",
        "traffic/referrers",
        "traffic/geo",
        "traffic/devices",
        "events",
        "events/names",
        "events/properties",
        "sessions",
        "profiles",
        "groups",
        "groups/types",
    ] {
        let name = format!("get /insights/{{projectId}}/{list}");
        root.call(&name, "", "", None).await;
    }
    let name = "get /insights/{projectId}/{dimension}";
    root.call(name, "country", "?labels=true", None).await;
    let values = "?eventName=signup&propertyKey=plan";
    let name = "get /insights/{projectId}/events/property_values";
    root.call(name, "", values, None).await;
    for name in ["sessions", "metrics"] {
        let name = format!("{profile}/{name}");
        root.call(&name, "anna", "", None).await;
    }
    let group = "get /insights/{projectId}/groups/{groupId}";
    root.call(group, "acme", "", None).await;
    for (path, query) in [
        ("active_users", "?days=1"),
        ("retention", ""),
        ("retention/cohort", ""),
        ("engagement", ""),
        ("funnel", "?steps=older&steps=old&range=12m"),
        ("user_flow", "?startEvent=older&range=12m"),
    ] {
        let name = format!("get /insights/{{projectId}}/{path}");
        let answer = root.call(&name, "", query, None).await;
        assert_ne!(answer, json!([]), "{name}");
    }
    let query = "?projectId=bare";
    root.call("get /export/events", "", query, None).await;
    root.call("get /v1/events/count", "", query, None).await;
    let series = "&startDate=2025-12-01&endDate=2025-12-02&previous=true&series[0][name]=old";
    let with_country = "&breakdowns[0][name]=country";
    for more in ["", series, &format!("{series}{with_country}")] {
        let query = format!("{query}{more}");
        root.call("get /export/charts", "", &query, None).await;
    }
    let body = json!({"type": "track", "payload": {"name": "late", "profileId": "bare",
        "properties": {"__timestamp": "garbage"}}});
    root.call("post /track", "", there, Some(body)).await;
    let diagnostics = "get /manage/projects/{id}/track/diagnostics";
    let told = root.call(diagnostics, "bare", "", None).await;
    assert_eq!(told[0]["event"], "late");
    // Somebody who is called as the project is.
    let body = json!({"profileId": "bare", "firstName": "Bare"});
    root.call("post /profile", "", there, Some(body)).await;
    let body = json!({"firstName": null, "email": "bare@shop.example", "groups": ["acme"],
        "properties": {"plan": "pro", "seats": 3, "vip": true, "old": null}});
    let edit = "patch /manage/projects/{id}/profiles/{profileId}";
    root.call(edit, "bare", "", Some(body)).await;
    let erase = "delete /manage/projects/{id}/profiles/{profileId}";
    root.call(erase, "bare", "", None).await;

    root.call("get /insights", "", "?limit=1", None).await;
    let links = "/manage/projects/{id}/share-links";
    let link = json!({"name": "Open", "password": null, "expiresAt": "2027-01-01T00:00:00Z"});
    let link = root
        .call(&format!("post {links}"), "bare", "", Some(link))
        .await;
    root.call(&format!("get {links}"), "bare", "", None).await;

    let mut person = Checked {
        caller: server.anonymous().with_header("x-paneld-console", "1"),
        document: &document,
        used: root.used,
    };
    let credentials = json!({"clientId": ROOT_ID, "clientSecret": ROOT_SECRET});
    let sign_in = "post /console/session";
    person
        .call(sign_in, "", "", Some(credentials.clone()))
        .await;
    let reply = person.caller.post("/console/session", credentials).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    person.caller = person.caller.with_header("cookie", cookie);
    for name in ["get /console/session", "delete /console/session"] {
        person.call(name, "", "", None).await;
    }
    let (_, token) = link["url"].as_str().unwrap().split_once('=').unwrap();
    let open = json!({"token": token});
    person
        .call("post /console/share/session", "", "", Some(open))
        .await;
    person.caller = server.root();
    let end = format!("delete {links}/{{linkId}}");
    person.call(&end, "bare", &text(&link["id"]), None).await;

    // Whoever documents another operation calls it here.
    let all = document.operations();
    let all = all.iter().map(Operation::name).collect::<BTreeSet<_>>();
    assert_eq!(person.used, all);
    server.stop().await;
}
