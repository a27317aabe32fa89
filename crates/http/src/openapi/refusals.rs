//! How an endpoint may refuse, told by its own description.
//!
//! Each type here stands for some statuses of the one error envelope. An endpoint lists the types
//! that hold for it beside what it answers when all is well:
//! `responses((status = 200, …), Gated, NotFound)`.

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::{
    IntoParams, IntoResponses,
    openapi::{
        Array, ArrayBuilder, ContentBuilder, ObjectBuilder, OneOfBuilder, Ref, RefOr, Required,
        Response, ResponseBuilder, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{SchemaType, Type},
    },
};

use super::headers::{number_header, text_header};

/// Status, name, when, and an example message.
const REFUSALS: [(&str, &str, &str, &str); 12] = [
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
        "The client may not do this, or not with this project",
        "You do not have access to this project",
    ),
    (
        "404",
        "NotFound",
        "There is no such resource in the organization",
        "Project not found",
    ),
    (
        "405",
        "MethodNotAllowed",
        "The path knows other methods, which the header Allow lists",
        "Method not allowed",
    ),
    (
        "408",
        "RequestTimeout",
        "The body took too long to arrive",
        "The request body took too long",
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
        "The body is too large",
        "The request body is larger than 1048576 bytes",
    ),
    (
        "415",
        "UnsupportedMediaType",
        "The body is not JSON, or it is compressed",
        "The Content-Type must be application/json",
    ),
    (
        "429",
        "TooManyRequests",
        "The rate limit is exceeded",
        "You have exceeded the rate limit for this endpoint.",
    ),
    (
        "500",
        "InternalServerError",
        "The server has a fault",
        "Something went wrong on our side",
    ),
    (
        "503",
        "ServiceUnavailable",
        "A backing service is away",
        "The service is temporarily unavailable",
    ),
];

/// Responses by status, as utoipa takes them.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

/// References to the responses with these statuses.
pub(crate) fn responses<const N: usize>(statuses: [&str; N]) -> Responses {
    let known = REFUSALS
        .iter()
        .filter(|(status, ..)| statuses.contains(status));
    known
        .map(|(status, name, ..)| {
            let response = Ref::from_response_name(*name);
            ((*status).to_owned(), response.into())
        })
        .collect()
}

/// What a body of at most so many bytes may be refused for: 400, 408, 413 and 415. `limit` tells
/// the limit: "1 MiB".
pub(crate) fn of_body(limit: &str) -> Responses {
    let mut all = responses(["400", "408", "413", "415"]);
    let mut too_large = Ref::from_response_name("PayloadTooLarge");
    too_large.description = format!("The body is larger than {limit}");
    all.insert("413".to_owned(), too_large.into());
    all
}

/// Declares types that stand for statuses.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $statuses:expr;)+) => {
        $(
            $(#[$doc])*
            pub(crate) enum $name {}

            impl IntoResponses for $name {
                fn responses() -> Responses {
                    responses($statuses)
                }
            }
        )+
    };
}

refusals! {
    /// What any path may answer, also one that needs no credentials.
    Open = ["405", "500"];
    /// What any path behind a gate may answer.
    Gated = ["401", "405", "429", "500", "503"];
    /// For endpoints that read something of the query.
    BadRequest = ["400"];
    /// For endpoints that the operator can close, or that are not for every project.
    Forbidden = ["403"];
    /// For endpoints that name something.
    NotFound = ["404"];
    /// For endpoints that the state of things can stand against.
    Conflict = ["409"];
    /// For what belongs to a session of the console, which may be switched off.
    Session = ["401", "403", "404", "405", "429", "500", "503"];
    /// For reports on a project, which all read a query.
    Report = ["400", "401", "403", "404", "405", "429", "500", "503"];
}

/// For endpoints that are carried out at most once, if the caller wants that.
pub(crate) enum AtMostOnce {}

impl IntoResponses for AtMostOnce {
    fn responses() -> Responses {
        responses(["409"])
    }
}

impl IntoParams for AtMostOnce {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let key = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(255))
            .pattern(Some("^[!-~]+$"));
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
            .schema(Some(key));
        vec![parameter.build()]
    }
}

/// The responses that the types above refer to.
pub(super) fn components() -> impl Iterator<Item = (&'static str, Response)> {
    REFUSALS
        .iter()
        .map(|(status, name, when, message)| (*name, response(status, when, message)))
}

fn response(status: &str, when: &str, message: &str) -> Response {
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
    if status == "405" {
        response = response.header("allow", text_header("The methods that the path knows"));
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

fn text(what: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(what))
}

/// What is wrong with a request, and where.
pub(crate) fn details() -> Array {
    let step = OneOfBuilder::new()
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
    ArrayBuilder::new().items(detail).build()
}

/// What every error looks like.
pub(super) fn error_schema() -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer);
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
        .property("details", details())
        .property("requestId", text("The id of the request, as in the log"))
        .required("status")
        .required("error")
        .required("message")
        .required("requestId")
        .into()
}
