//! The OpenAPI document, made from the handlers.
//!
//! What a handler says of itself stands beside it. What holds for all of them is added here:
//! errors, request ids, limits, credentials.

use std::sync::OnceLock;

use actix_web::{HttpResponse, http::header::ContentType};
use paneld_auth::Api;
use paneld_domain::{ClientType, ProjectType};
use serde_json::json;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, AllOfBuilder, Array, ComponentsBuilder, ContentBuilder, Header, HeaderBuilder,
        Object, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        SecurityRequirement,
        path::{ParameterBuilder, ParameterIn},
        schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::{export, health, insights, manage, track};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "paneld",
        description = "A self-hosted product-analytics API server. Every path is also served \
                       under `/api`.",
    ),
    servers((url = "/"), (url = "/api")),
    tags(
        (name = "Identity", description = "Who the caller is"),
        (name = "Organization", description = "The caller's organization"),
        (name = "Projects", description = "What events are sent to"),
        (name = "Clients", description = "Holders of API credentials"),
        (name = "References", description = "Dated annotations on charts"),
        (name = "Audit", description = "Who changed what"),
        (name = "Track", description = "Events in"),
        (name = "Insights", description = "Answers about events"),
        (name = "Export", description = "Raw events"),
        (name = "Health", description = "For orchestrators and load balancers"),
    ),
    paths(
        manage::identity::who_am_i,
        manage::organization::get_organization,
        manage::organization::update_organization,
        manage::projects::list_projects,
        manage::projects::create_project,
        manage::projects::get_project,
        manage::projects::update_project,
        manage::projects::delete_project,
        manage::profiles::update_profile,
        manage::profiles::erase_profile,
        manage::clients::list_clients,
        manage::clients::create_client,
        manage::clients::get_client,
        manage::clients::update_client,
        manage::clients::rotate_secret,
        manage::clients::delete_client,
        manage::references::list_references,
        manage::references::create_reference,
        manage::references::get_reference,
        manage::references::update_reference,
        manage::references::delete_reference,
        manage::audit::list_audit_entries,
        track::track,
        track::get_device_id,
        track::track_event,
        track::upsert_profile,
        track::increment_profile,
        track::decrement_profile,
        track::import_events,
        insights::get_live,
        insights::figures::get_metrics,
        insights::figures::get_overview,
        insights::figures::get_dimension,
        insights::figures::get_referrers,
        insights::figures::get_geo,
        insights::figures::get_devices,
        insights::pages::get_pages,
        insights::pages::get_top_pages,
        insights::pages::get_entry_and_exit_pages,
        insights::pages::get_page_performance,
        insights::behaviour::activity::get_active_users,
        insights::behaviour::activity::get_retention,
        insights::behaviour::activity::get_cohorts,
        insights::behaviour::activity::get_engagement,
        insights::behaviour::ways::get_funnel,
        insights::behaviour::ways::get_user_flow,
        insights::lists::find_events,
        insights::lists::list_event_names,
        insights::lists::list_event_properties,
        insights::lists::list_property_values,
        insights::lists::list_sessions,
        insights::profiles::list_profiles,
        insights::profiles::get_profile,
        insights::profiles::list_profile_sessions,
        insights::profiles::get_profile_metrics,
        insights::groups::list_group_types,
        insights::groups::list_groups,
        insights::groups::get_group,
        export::list_events,
        export::get_chart,
        export::count_events,
        health::live,
        health::ready,
        health::healthcheck,
    ),
    modifiers(&Credentials, &Errors, &OptionalBodies, &IdempotencyKeys, &Headers),
)]
struct Document;

/// The OpenAPI document of all routes.
pub fn document() -> openapi::OpenApi {
    Document::openapi()
}

/// Serves the document.
pub(crate) async fn serve() -> HttpResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| document().to_json().unwrap_or_default());
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(text.as_str())
}

/// A schema of the fields of others, some of which must be there.
pub(crate) fn with_required(schemas: &[&str], required: &[&str]) -> RefOr<Schema> {
    let mut all = AllOfBuilder::new();
    for name in schemas {
        all = all.item(Ref::from_schema_name(*name));
    }
    let mut demand = ObjectBuilder::new();
    for field in required {
        demand = demand.required(*field);
    }
    Schema::AllOf(all.item(demand).build()).into()
}

/// One of these texts.
fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values))
}

/// A type of client.
pub(crate) fn client_type() -> Object {
    one_of(ClientType::ALL.map(ClientType::as_str)).build()
}

/// A value of any kind.
pub(crate) fn any_value() -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .additional_properties(Some(AdditionalProperties::FreeForm(true)))
        .build()
}

/// What properties of a profile become, by name; null removes one.
pub(crate) fn property_edits() -> Object {
    let kinds = vec![Type::String, Type::Number, Type::Boolean, Type::Null];
    let value = ObjectBuilder::new().schema_type(SchemaType::Array(kinds));
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(value))
        .build()
}

/// The types of a project.
pub(crate) fn project_types() -> Array {
    let kinds = one_of(ProjectType::ALL.map(ProjectType::as_str));
    ArrayBuilder::new()
        .items(kinds)
        .max_items(Some(100))
        .build()
}

/// The APIs that a client may call.
pub(crate) fn permissions() -> Array {
    let apis = Api::ALL.into_iter().filter(|api| *api != Api::Identity);
    ArrayBuilder::new()
        .items(one_of(apis.map(Api::permission)))
        .build()
}

/// The ways to say who one is.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let header = |name, what| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, what)))
        };
        let http = |scheme, what| {
            SecurityScheme::Http(
                HttpBuilder::new()
                    .scheme(scheme)
                    .description(Some(what))
                    .build(),
            )
        };
        for (name, scheme) in [
            ("clientId", header("openpanel-client-id", "The client's id")),
            (
                "clientSecret",
                header("openpanel-client-secret", "The client's secret"),
            ),
            (
                "basic",
                http(HttpAuthScheme::Basic, "The client's id and secret"),
            ),
            ("bearer", http(HttpAuthScheme::Bearer, "base64(id:secret)")),
        ] {
            components.add_security_scheme(name, scheme);
        }
        let none = || Vec::<String>::new();
        let headers = SecurityRequirement::new("clientId", none()).add("clientSecret", none());
        document.security = Some(vec![
            headers,
            SecurityRequirement::new("basic", none()),
            SecurityRequirement::new("bearer", none()),
        ]);
    }
}

/// The errors that a caller must expect, by what the operation takes.
struct Errors;

/// Status, name, when, and an example message.
const ERRORS: [(&str, &str, &str, &str); 9] = [
    (
        "400",
        "BadRequest",
        "The body, query or a header is wrong; every problem is in details",
        "Invalid request body",
    ),
    (
        "401",
        "Unauthorized",
        "The credentials are missing, wrong, or not for this API",
        "Invalid client credentials",
    ),
    (
        "403",
        "Forbidden",
        "The operator does not allow it",
        "Root clients cannot be created through the API of this server",
    ),
    (
        "404",
        "NotFound",
        "There is no such resource in the organization",
        "Project not found",
    ),
    (
        "409",
        "Conflict",
        "It goes against the state of things",
        "The organization would be left without a usable root client",
    ),
    (
        "413",
        "PayloadTooLarge",
        "The body is larger than 1 MiB",
        "The request body is larger than 1048576 bytes",
    ),
    (
        "415",
        "UnsupportedMediaType",
        "The body is not JSON",
        "The Content-Type must be application/json",
    ),
    (
        "429",
        "TooManyRequests",
        "The rate limit is exceeded",
        "You have exceeded the rate limit for this endpoint.",
    ),
    (
        "503",
        "ServiceUnavailable",
        "A backing service is away",
        "The service is temporarily unavailable",
    ),
];

impl Modify for Errors {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let mut components =
            ComponentsBuilder::from(document.components.take().unwrap_or_default())
                .schema("Error", error_schema());
        for (status, name, when, message) in ERRORS {
            components = components.response(name, error_response(status, when, message));
        }
        document.components = Some(components.build());

        for (path, method, operation) in operations(document) {
            if !needs_credentials(operation) {
                continue;
            }
            let has_body = operation.request_body.is_some();
            let parameters = operation.parameters.iter().flatten();
            let has_query = parameters
                .filter_map(|parameter| match parameter {
                    RefOr::T(parameter) => Some(&parameter.parameter_in),
                    RefOr::Ref(_) => None,
                })
                .any(|place| matches!(place, ParameterIn::Query));
            let names_something =
                path.contains("{id}") || operation.parameters.is_some() || method == "post";
            let names_something = names_something && path != "/manage/audit";
            let may_lock_out = method == "delete" || path == "/manage/clients/{id}";
            for (status, name, ..) in ERRORS {
                let applies = match status {
                    "400" => has_query || has_body,
                    "403" => path == "/manage/clients" && method == "post",
                    "404" => names_something && path != "/manage/projects",
                    "409" if method == "post" => true,
                    "409" => may_lock_out && method != "get" && !path.contains("references"),
                    "413" | "415" => has_body,
                    _ => true,
                };
                if applies {
                    let response = Ref::from_response_name(name);
                    operation
                        .responses
                        .responses
                        .insert(status.to_owned(), response.into());
                }
            }
        }
    }
}

fn error_schema() -> Schema {
    let text = |what: &str| {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(what))
    };
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    let step = openapi::OneOfBuilder::new()
        .item(ObjectBuilder::new().schema_type(Type::String))
        .item(ObjectBuilder::new().schema_type(Type::Integer));
    let detail = ObjectBuilder::new()
        .property(
            "path",
            ArrayBuilder::new()
                .items(step)
                .description(Some("Keys and indexes")),
        )
        .property("message", text("What is wrong there"))
        .required("path")
        .required("message");
    ObjectBuilder::new()
        .description(Some("What every error looks like"))
        .schema_type(SchemaType::new(Type::Object))
        .property("status", number.description(Some("The HTTP status")))
        .property("error", text("The name of the status"))
        .property("message", text("What is wrong, in a sentence"))
        .property(
            "code",
            text("A stable name for it, where programs need one"),
        )
        .property("details", ArrayBuilder::new().items(detail))
        .property("requestId", text("The id of the request, as in the log"))
        .required("status")
        .required("error")
        .required("message")
        .required("requestId")
        .into()
}

fn error_response(status: &str, when: &str, message: &str) -> Response {
    let mut example = json!({
        "status": status.parse::<u16>().unwrap_or_default(),
        "error": canonical_reason(status),
        "message": message,
        "requestId": "5f0c9a4e1b7d2c38",
    });
    if status == "400" {
        example["details"] = json!([{"path": ["cors", 0], "message": "must be a string"}]);
    }
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Error")))
        .example(Some(example))
        .build();
    let mut response = ResponseBuilder::new()
        .description(when)
        .content("application/json", content)
        .header("request-id", text_header("The id of the request"));
    if matches!(status, "429" | "503") {
        let seconds = number_header("Seconds after which to try again");
        response = response.header("retry-after", seconds);
    }
    if status == "401" {
        response = response.header("www-authenticate", text_header("Basic realm=\"paneld\""));
    }
    response.build()
}

fn canonical_reason(status: &str) -> &'static str {
    let status = actix_web::http::StatusCode::from_bytes(status.as_bytes());
    status
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or_default()
}

/// The one body that may be left out.
struct OptionalBodies;

impl Modify for OptionalBodies {
    fn modify(&self, document: &mut openapi::OpenApi) {
        for (path, _, operation) in operations(document) {
            if let (true, Some(RefOr::T(body))) =
                (path.ends_with("/rotate"), &mut operation.request_body)
            {
                body.required = Some(Required::False);
            }
        }
    }
}

/// What keeps a creation from being carried out twice.
struct IdempotencyKeys;

impl Modify for IdempotencyKeys {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "A name of your own for this request, of visible ASCII characters. For 24 hours \
                 the same request under the same key gets the same reply, with the header \
                 `Idempotent-Replayed: true`, and is not carried out again; another request \
                 gets 409, and so does one that comes while the first is running, with \
                 `Retry-After`.",
            ))
            .schema(Some(key))
            .build();
        for (_, method, operation) in operations(document) {
            if method == "post" {
                let parameters = operation.parameters.get_or_insert_default();
                parameters.push(parameter.clone().into());
            }
        }
    }
}

/// The headers of successful replies.
struct Headers;

impl Modify for Headers {
    fn modify(&self, document: &mut openapi::OpenApi) {
        for (_, _, operation) in operations(document) {
            let limited = needs_credentials(operation);
            let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") else {
                continue;
            };
            let mut add = |name: &str, header| {
                let headers = &mut response.headers;
                headers.insert(name.to_owned(), RefOr::T(header));
            };
            add("request-id", text_header("The id of the request"));
            if limited {
                add("x-ratelimit-limit", number_header("The bucket's capacity"));
                add("x-ratelimit-remaining", number_header("Requests left"));
                add(
                    "x-ratelimit-reset",
                    number_header("Seconds until the bucket is full"),
                );
                add(
                    "ratelimit-policy",
                    text_header("As in draft-ietf-httpapi-ratelimit-headers-11"),
                );
                add(
                    "ratelimit",
                    text_header("As in draft-ietf-httpapi-ratelimit-headers-11"),
                );
            }
        }
    }
}

fn text_header(what: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    HeaderBuilder::new()
        .schema(Some(text))
        .description(Some(what))
        .build()
}

fn number_header(what: &str) -> Header {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
    HeaderBuilder::new()
        .schema(Some(number))
        .description(Some(what))
        .build()
}

/// Every operation with its path and method.
fn operations(
    document: &mut openapi::OpenApi,
) -> impl Iterator<Item = (String, &'static str, &mut openapi::path::Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let methods = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        methods.into_iter().filter_map(move |(method, operation)| {
            operation
                .as_mut()
                .map(|operation| (path.clone(), method, operation))
        })
    })
}

/// Only what says of itself that it needs none needs none.
fn needs_credentials(operation: &openapi::path::Operation) -> bool {
    operation.security.is_none()
}
