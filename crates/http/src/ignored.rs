//! What a caller sends that nothing reads.
//!
//! Unknown query parameters, and unknown values of lists, change nothing: clients in the wild
//! send more than is read. But nothing is ignored silently: the header `x-paneld-ignored` of the
//! reply names it, with the nearest name that is known. Who prefers `handling=strict` (RFC 7240)
//! gets a 400 instead that says the same.

use std::cell::OnceCell;

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
};
use paneld_analytics::Query;
use paneld_domain::Problem;
use paneld_guard::ApiError;
use url::form_urlencoded;

use crate::openapi::Description;

static PREFER: HeaderName = HeaderName::from_static("prefer");
static PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
static IGNORED: HeaderName = HeaderName::from_static("x-paneld-ignored");

/// So many ignored things are named at most.
const MOST: usize = 10;
/// So many bytes of what a caller sent are shown at most.
const LONGEST: usize = 48;
/// How much two names have to be alike, by Jaro and Winkler, for one to be meant by the other.
const ALIKE: f64 = 0.84;

/// How callers of an API write their query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// By their names.
    Plain,
    /// By their names, or with brackets: `filters[0][name]`.
    Nested,
}

/// The query parameters that an endpoint reads: those of its description.
pub(crate) struct Known {
    style: Style,
    describe: fn() -> Description,
    /// Found out when a query comes: most requests have none.
    names: OnceCell<Vec<String>>,
}

impl Known {
    pub(crate) fn new(style: Style, describe: fn() -> Description) -> Self {
        Self {
            style,
            describe,
            names: OnceCell::new(),
        }
    }

    fn names(&self) -> &[String] {
        self.names.get_or_init(|| {
            let description = (self.describe)();
            let names = description.query_parameters();
            names.map(str::to_owned).collect()
        })
    }

    /// The parameters of a query that are none of these.
    fn ignored_in(&self, query: &str) -> Vec<Ignored> {
        let mut ignored = Vec::<Ignored>::new();
        // Of more than this, whoever reads the query refuses it.
        for (key, _) in form_urlencoded::parse(query.as_bytes()).take(Query::MOST) {
            let name = match self.style {
                Style::Plain => key.as_ref(),
                Style::Nested => Query::name_of(&key),
            };
            let is_told = |told: &Ignored| told.name == start_of(name);
            if self.names().iter().any(|known| known == name) || ignored.iter().any(is_told) {
                continue;
            }
            let meant = nearest(name, self.names().iter().map(String::as_str));
            ignored.push(Ignored {
                name: start_of(name).to_owned(),
                value: None,
                meant: meant.map(str::to_owned),
            });
            if ignored.len() > MOST {
                break;
            }
        }
        ignored
    }
}

/// A parameter that means nothing, or a value of one.
pub(crate) struct Ignored {
    name: String,
    value: Option<String>,
    /// The known name that it looks like.
    meant: Option<String>,
}

impl Ignored {
    fn header(&self) -> String {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let mut text: String = encode(&self.name);
        if let Some(value) = &self.value {
            text.push('=');
            text += &encode(value);
        }
        if let Some(meant) = &self.meant {
            text += "; did-you-mean=";
            text += meant;
        }
        text
    }

    fn message(&self) -> String {
        let what = match &self.value {
            Some(value) => format!("has the unknown value {value:?}"),
            None => "is not known here".to_owned(),
        };
        match &self.meant {
            Some(meant) => format!("{what}; did you mean {meant}?"),
            None => what,
        }
    }
}

/// What a request's handler ignored, beside what its endpoint does not know.
struct Noted {
    is_strict: bool,
    values: Vec<Ignored>,
}

/// Has the reply of an endpoint name what was ignored, or refuses the request for it.
pub(crate) async fn tell(
    known: &Known,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_strict = prefers_strictness(request.headers());
    let mut ignored = known.ignored_in(request.query_string());
    let mut response = if is_strict && !ignored.is_empty() {
        request.error_response(refusal(&ignored))
    } else {
        request.extensions_mut().insert(Noted {
            is_strict,
            values: Vec::new(),
        });
        next.call(request).await?
    };
    let noted = response.request().extensions_mut().remove::<Noted>();
    ignored.extend(noted.into_iter().flat_map(|noted| noted.values));
    let headers = response.headers_mut();
    if is_strict {
        let applied = HeaderValue::from_static("handling=strict");
        headers.insert(PREFERENCE_APPLIED.clone(), applied);
    } else if let Some(names) = named(&ignored) {
        headers.insert(IGNORED.clone(), names);
    }
    Ok(response)
}

/// Whether the caller wants nothing to be ignored.
pub(crate) fn is_strict(request: &HttpRequest) -> bool {
    let extensions = request.extensions();
    let noted = extensions.get::<Noted>();
    noted.is_some_and(|noted| noted.is_strict)
}

/// Values of a list parameter that mean nothing, to be noted; where the caller is strict, they
/// are problems of the query.
pub(crate) fn unknown_values(
    query: &mut Query,
    is_strict: bool,
    parameter: &str,
    unknown: &[String],
    known: &[&str],
) -> Vec<Ignored> {
    let ignored = unknown.iter().take(MOST).map(|value| Ignored {
        name: parameter.to_owned(),
        value: Some(start_of(value).to_owned()),
        meant: nearest(value, known.iter().copied()).map(str::to_owned),
    });
    if !is_strict {
        return ignored.collect();
    }
    for ignored in ignored {
        query.report(Problem::at([parameter.into()], ignored.message()));
    }
    Vec::new()
}

/// Notes what a handler ignored.
pub(crate) fn note(request: &HttpRequest, ignored: Vec<Ignored>) {
    if let Some(noted) = request.extensions_mut().get_mut::<Noted>() {
        noted.values.extend(ignored);
    }
}

/// Notes that one parameter was not read because another was given.
pub(crate) fn ignore_beside(request: &HttpRequest, query: &mut Query, ignored: &str, read: &str) {
    if !(query.has(ignored) && query.has(read)) {
        return;
    }
    let mut extensions = request.extensions_mut();
    let Some(noted) = extensions.get_mut::<Noted>() else {
        return;
    };
    if noted.is_strict {
        let message = format!("must not be given beside {read}");
        query.report(Problem::at([ignored.into()], message));
    } else {
        noted.values.push(Ignored {
            name: ignored.to_owned(),
            value: None,
            meant: None,
        });
    }
}

fn refusal(ignored: &[Ignored]) -> ApiError {
    let problems = ignored.iter().take(MOST);
    let problems = problems.map(|one| Problem::at([one.name.as_str().into()], one.message()));
    ApiError::invalid_query(problems.collect())
}

/// What was ignored, as a header; three dots stand for more than that.
fn named(ignored: &[Ignored]) -> Option<HeaderValue> {
    let mut names = ignored
        .iter()
        .take(MOST)
        .map(Ignored::header)
        .collect::<Vec<_>>();
    if ignored.len() > MOST {
        names.push("...".to_owned());
    }
    let names = Some(names.join(", ")).filter(|names| !names.is_empty())?;
    HeaderValue::try_from(names).ok()
}

/// Whether `Prefer` asks for `handling=strict`. Of a preference that is given twice the first
/// counts.
fn prefers_strictness(headers: &HeaderMap) -> bool {
    let lines = headers
        .get_all(&PREFER)
        .filter_map(|line| line.to_str().ok());
    let preferences = lines.flat_map(|line| line.split(','));
    let handling = preferences.filter_map(|preference| {
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=')?;
        let is_handling = name.trim().eq_ignore_ascii_case("handling");
        is_handling.then(|| value.trim().trim_matches('"').trim())
    });
    let mut handling = handling;
    handling
        .next()
        .is_some_and(|value| value.eq_ignore_ascii_case("strict"))
}

/// The known name that another looks like most, if it does look like it.
fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let given = plain(start_of(given));
    let alike = known.map(|name| (strsim::jaro_winkler(&given, &plain(name)), name));
    let alike = alike.filter(|(likeness, _)| *likeness >= ALIKE);
    let most = alike.max_by(|(one, _), (other, _)| one.total_cmp(other));
    most.map(|(_, name)| name)
}

/// A name without what people write in different ways: `start_date` is `startDate`.
fn plain(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-' | ' '));
    letters.flat_map(char::to_lowercase).collect()
}

/// The first bytes of a text, in whole characters.
fn start_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
