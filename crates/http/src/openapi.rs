//! The OpenAPI document, made from the endpoints.
//!
//! What holds for one endpoint stands beside its handler: what it takes, what it answers, and how
//! it may refuse ([`refusals`]). What holds for all of them is added here.

mod description;
mod headers;
pub(crate) mod query;
pub(crate) mod refusals;
pub(crate) mod schemas;

use std::sync::OnceLock;

use actix_web::{HttpResponse, http::header::ContentType, web, web::Bytes};
use utoipa::{
    OpenApi,
    openapi::{
        self, ComponentsBuilder, Header, ObjectBuilder, RefOr, SecurityRequirement, Server,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

pub(crate) use self::description::{Description, Documentation};
use self::headers::{number_header, text_header};
use crate::{Prefix, endpoint::Endpoint, routes};

/// The document without its paths and servers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "paneld",
        description = "A self-hosted product-analytics API server. Every path is also served \
                       under `/api`.",
    ),
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
        (name = "Sharing", description = "Links that show the overview of a project"),
        (name = "Console", description = "Signing in to the page that people look at"),
        (name = "Health", description = "For orchestrators and load balancers"),
    ),
)]
struct Frame;

/// The OpenAPI document of all routes below a prefix.
pub fn document(prefix: &Prefix) -> openapi::OpenApi {
    describe(prefix, true)
}

/// The document of all routes, or of those that there are without the console.
fn describe(prefix: &Prefix, has_console: bool) -> openapi::OpenApi {
    let mut document = Frame::openapi();
    let root = Some(prefix.as_str()).filter(|path| !path.is_empty());
    document.servers = Some(vec![
        Server::new(root.unwrap_or("/")),
        Server::new(prefix.join("/api")),
    ]);
    let mut components = ComponentsBuilder::new()
        .schema("Error", refusals::error_schema())
        .schema("QueryFilter", query::filter_schema())
        .responses_from_iter(refusals::components());
    let mut schemes = security_schemes().to_vec();
    if has_console {
        schemes.push(session_scheme());
    }
    for (name, scheme) in schemes {
        components = components.security_scheme(name, scheme);
    }
    for endpoint in routes::served(has_console) {
        let mut description = endpoint.describe();
        complete(&mut description, &endpoint);
        for (name, schema) in description.schemas {
            components = components.schema(name, schema);
        }
        let methods = vec![endpoint.documented_method()];
        document
            .paths
            .add_path_operation(endpoint.path(), methods, description.operation);
    }
    document.components = Some(components.build());
    document.security = Some(ways_to_authenticate());
    document
}

/// The OpenAPI document that routes serve of themselves.
#[derive(Debug)]
pub struct Document {
    prefix: Prefix,
    has_console: bool,
    /// Made when it is first asked for.
    text: OnceLock<Bytes>,
}

impl Document {
    /// The document of the routes below a prefix, with those of the console or without.
    pub fn below(prefix: Prefix, has_console: bool) -> Self {
        Self {
            prefix,
            has_console,
            text: OnceLock::new(),
        }
    }

    /// The prefix below which the routes are mounted.
    pub fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    fn text(&self) -> Bytes {
        let document = || describe(&self.prefix, self.has_console).to_json();
        let make = || document().unwrap_or_default().into();
        self.text.get_or_init(make).clone()
    }
}

/// Serves the document.
pub(crate) async fn serve(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::json())
        .body(document.text())
}

/// Adds the headers that requests and replies of many endpoints have.
fn complete(description: &mut Description, endpoint: &Endpoint) {
    let is_limited = description.needs_credentials();
    let operation = &mut description.operation;
    if endpoint.tells_ignored() {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(preference().into());
    }
    for status in ["200", "201", "202"] {
        let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) else {
            continue;
        };
        let mut add = |name: &str, header| {
            let headers = &mut response.headers;
            headers.insert(name.to_owned(), RefOr::T(header));
        };
        add("request-id", text_header("The id of the request"));
        if is_limited {
            for (name, header) in limit_headers() {
                add(name, header);
            }
        }
        if endpoint.tells_ignored() {
            for (name, header) in ignored_headers() {
                add(name, header);
            }
        }
    }
}

/// How a caller asks that nothing be ignored.
fn preference() -> Parameter {
    ParameterBuilder::new()
        .name("Prefer")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "With `handling=strict` (RFC 7240) a query parameter that would be ignored is a 400.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn limit_headers() -> [(&'static str, Header); 5] {
    let draft = "As in draft-ietf-httpapi-ratelimit-headers-11";
    [
        ("x-ratelimit-limit", number_header("The bucket's capacity")),
        ("x-ratelimit-remaining", number_header("Requests left")),
        (
            "x-ratelimit-reset",
            number_header("Seconds until the bucket is full"),
        ),
        ("ratelimit-policy", text_header(draft)),
        ("ratelimit", text_header(draft)),
    ]
}

fn ignored_headers() -> [(&'static str, Header); 2] {
    [
        (
            "x-paneld-ignored",
            text_header(
                "Query parameters, and values of lists, that mean nothing here and were ignored, \
                 ten at most; each with the nearest known name, if there is one: \
                 `rnage; did-you-mean=range`",
            ),
        ),
        (
            "preference-applied",
            text_header("`handling=strict`, where the caller preferred it"),
        ),
    ]
}

/// The ways to say which client one is.
fn security_schemes() -> [(&'static str, SecurityScheme); 4] {
    let header = |name, what| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, what)))
    };
    let http = |scheme, what| {
        let scheme = HttpBuilder::new().scheme(scheme).description(Some(what));
        SecurityScheme::Http(scheme.build())
    };
    [
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
    ]
}

/// The way of people.
fn session_scheme() -> (&'static str, SecurityScheme) {
    let cookie = ApiKeyValue::with_description(
        "paneld",
        "The session of somebody who signed in at `POST /console/session`; of the name \
         `__Host-paneld` on encrypted connections. From pages of the same origin alone; what is \
         neither GET nor HEAD also needs the header `x-paneld-console: 1`. Not for Track.",
    );
    ("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))
}

fn ways_to_authenticate() -> Vec<SecurityRequirement> {
    let none = || Vec::<String>::new();
    vec![
        SecurityRequirement::new("clientId", none()).add("clientSecret", none()),
        SecurityRequirement::new("basic", none()),
        SecurityRequirement::new("bearer", none()),
    ]
}
