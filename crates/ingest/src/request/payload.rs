//! What is tracked, read from a request, with tolerance for what real SDKs send:
//! `docs/contract/track.md` §4.

mod fields;

use std::borrow::Cow;

use paneld_domain::{Event, Identity, Problem, Timestamp, parse_address};
use serde::Deserialize;
use serde_json::Value as Json;

pub(crate) use self::fields::{Fields, LONGEST_TEXT};
use self::fields::{amount, is_absent};
use crate::{
    Body, DeviceId, Envelope, Identified, Input, Recording, Tracked, TrackedEvent,
    request::{body::has_prototype, properties::LONGEST_KEY},
};

/// How long the name of an event may be, in characters.
const LONGEST_NAME: usize = 80;
/// How long a piece of a recording may be, in UTF-16 units.
const LONGEST_REPLAY: usize = 2_097_152;
/// Callers send ids back in fields of this many characters.
const LONGEST_SESSION_ID: usize = 64;
/// How far a recording may be away from now: it is on its way for seconds.
const REPLAY_DISTANCE: chrono::TimeDelta = chrono::TimeDelta::days(1);

/// Which kind of body it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The body of `/track`: the type beside the payload.
    Track,
    /// The body of `/event`: an event, and nothing around it.
    Event,
    /// The body of `/profile`, which identifies.
    Profile,
    /// The body of `/profile/increment`.
    Increment,
    /// The body of `/profile/decrement`.
    Decrement,
}

/// What kind of a `/track` it is, without reading the rest: pieces of recordings may be bigger.
pub fn is_replay(envelope: &Envelope<'_>) -> bool {
    envelope.kind == "replay"
}

/// The name of the event that a body tells, where that can be read though the rest cannot.
pub fn event_name(form: Form, body: &Body<'_>, envelope: &Envelope<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
    }
    let text = match form {
        Form::Track if envelope.kind == "track" => envelope.payload?.get(),
        Form::Event => body.as_str(),
        _ => return None,
    };
    let Named { name } = serde_json::from_str(text).ok()?;
    Some(name.into_owned())
}

/// Reads the rest of a body.
///
/// # Errors
/// All that is wrong with it, each with the way to it.
pub fn read(
    form: Form,
    body: &Body<'_>,
    envelope: &Envelope<'_>,
    arrival: Timestamp,
) -> Result<Tracked, Vec<Problem>> {
    let (text, prefix) = match form {
        Form::Track => (
            envelope.payload.map(|payload| payload.get()),
            Some("payload"),
        ),
        _ => (Some(body.as_str()), None),
    };
    let kind = match form {
        Form::Track => kind(&envelope.kind),
        Form::Event => Ok(Kind::Event),
        Form::Profile => Ok(Kind::Identify),
        Form::Increment => Ok(Kind::Increment),
        Form::Decrement => Ok(Kind::Decrement),
    };
    let fields = match text {
        Some(text) => Fields::read(text).map_err(|why| why.to_string()),
        None => Err("is required".to_owned()),
    };
    let mut fields = fields.unwrap_or_else(Fields::wrong);
    if form == Form::Track {
        fields.lift("profileId", &envelope.profile_id);
    } else if form == Form::Event {
        fields.take_old_names();
    }
    let tracked = match kind {
        Ok(kind) => Some(tracked(kind, &mut fields, arrival)),
        Err(_) => None,
    };
    let mut problems = fields.problems(prefix);
    match (tracked, kind) {
        (Some(Some(tracked)), _) if problems.is_empty() => Ok(tracked),
        (_, Err(problem)) => {
            problems.insert(0, problem);
            Err(problems)
        }
        _ => Err(problems),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Event,
    Identify,
    Increment,
    Decrement,
    Alias,
    Group,
    AssignGroup,
    Replay,
}

fn kind(told: &Json) -> Result<Kind, Problem> {
    match told.as_str().unwrap_or_default() {
        "track" => Ok(Kind::Event),
        "identify" => Ok(Kind::Identify),
        "increment" => Ok(Kind::Increment),
        "decrement" => Ok(Kind::Decrement),
        "alias" => Ok(Kind::Alias),
        "group" => Ok(Kind::Group),
        "assign_group" => Ok(Kind::AssignGroup),
        "replay" => Ok(Kind::Replay),
        _ => Err(Problem::at(
            ["type".into()],
            "must be one of track, identify, increment, decrement, alias, group, assign_group, \
             replay",
        )),
    }
}

fn tracked(kind: Kind, fields: &mut Fields, arrival: Timestamp) -> Option<Tracked> {
    let id = fields.uuid("eventId");
    let input = match kind {
        Kind::Event => event(fields).map(Box::new).map(Input::Event),
        Kind::Identify => identify(fields).map(Box::new).map(Input::Identify),
        Kind::Increment => add(fields, 1.0),
        Kind::Decrement => add(fields, -1.0),
        Kind::Alias => alias(fields),
        Kind::Group => group(fields),
        Kind::AssignGroup => assign_groups(fields),
        Kind::Replay => replay(fields, arrival).map(Box::new).map(Input::Replay),
    };
    input.map(|input| Tracked { id, input })
}

fn event(fields: &mut Fields) -> Option<TrackedEvent> {
    let name = fields.required_text("name");
    if let Some(why) = name.as_deref().and_then(wrong_name) {
        fields.problem("name", why);
    }
    let groups = fields.texts("groups").or_else(|| fields.texts("groupIds"));
    let profile_id = fields.id("profileId");
    let beside = fields.take("timestamp");
    let (path, referrer) = (
        fields.reserved_text("__path"),
        fields.reserved_text("__referrer"),
    );
    let timestamp = fields.reserved("__timestamp");
    let timestamp = timestamp.filter(|told| !is_absent(told)).or(beside);
    let address = parse_address(&fields.reserved_text("__ip"));
    let device_id = DeviceId::told(&fields.reserved_text("__deviceId")).ok();
    let identified = identified(fields);
    let told = fields.reserved("__revenue");
    let is_revenue = name.as_deref() == Some(Event::REVENUE);
    let revenue = match &told {
        Some(told) if is_revenue => amount(told).or_else(|| {
            fields.problem_in_properties("__revenue", "must be a whole number, at least 0");
            None
        }),
        _ => None,
    };
    let tells_revenue = told.is_some();
    if let Some(told) = told.filter(|_| !is_revenue) {
        fields.keep("__revenue", told);
    }
    Some(TrackedEvent {
        name: name?,
        profile_id,
        groups: groups.unwrap_or_default(),
        properties: fields.properties(),
        path,
        referrer,
        timestamp,
        revenue: revenue.unwrap_or_default(),
        tells_revenue,
        address,
        device_id,
        identified,
    })
}

/// Why nothing may be named so. The names of sessions' events are the server's; what has several
/// lines, or is longer than any name, is an attack on somebody.
fn wrong_name(name: &str) -> Option<&'static str> {
    if matches!(name, Event::SESSION_START | Event::SESSION_END) {
        Some("must not be one of the reserved names: session_start, session_end")
    } else if name.chars().count() > LONGEST_NAME {
        Some("must be at most 80 characters long")
    } else if name.contains(['\r', '\n']) {
        Some("must be one line")
    } else {
        None
    }
}

/// What `__identify` tells. Only that it has no more than is kept is checked: an event is worth more
/// than what goes with it.
fn identified(fields: &mut Fields) -> Option<Identified> {
    let told = fields.reserved("__identify")?;
    let mut inner = Fields::read(&told.to_string()).ok()?;
    let profile_id = inner.id("profileId");
    let identity = Identity {
        first_name: inner.lenient_name("firstName").unwrap_or_default(),
        last_name: inner.lenient_name("lastName").unwrap_or_default(),
        email: inner.lenient_name("email").unwrap_or_default(),
        avatar: inner.lenient_text("avatar").unwrap_or_default(),
        properties: inner.kept_properties(),
        ..Identity::default()
    };
    let identified = Identified {
        profile_id: profile_id?,
        identity,
    };
    fields.add_problems_of("__identify", inner);
    Some(identified)
}

fn identify(fields: &mut Fields) -> Option<Identified> {
    let profile_id = fields.required_id("profileId");
    let first_name = fields.name("firstName").unwrap_or_default();
    let last_name = fields.name("lastName").unwrap_or_default();
    let email = fields.name("email");
    if email.as_deref().is_some_and(|email| !is_email(email)) {
        fields.problem("email", "must be an e-mail address");
    }
    let avatar = fields.text("avatar");
    if avatar.as_deref().is_some_and(|avatar| !is_picture(avatar)) {
        fields.problem("avatar", "must be a URL");
    }
    Some(Identified {
        profile_id: profile_id?,
        identity: Identity {
            first_name,
            last_name,
            email: email.unwrap_or_default(),
            avatar: avatar.unwrap_or_default(),
            properties: fields.kept_properties(),
            ..Identity::default()
        },
    })
}

/// Whether a text is an e-mail address, as those of profiles must be.
pub fn is_email(text: &str) -> bool {
    email_address::EmailAddress::parse_with_options(
        text,
        email_address::Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal(),
    )
    .is_ok()
}

/// Whether a text is where a picture is: a URL, or the path of one on a site of the caller's.
pub fn is_picture(text: &str) -> bool {
    let is_path = || {
        text.contains(['/', '.']) && !text.starts_with("//") && !text.contains(char::is_whitespace)
    };
    match url::Url::parse(text) {
        Err(url::ParseError::RelativeUrlWithoutBase) => is_path(),
        read => read.is_ok(),
    }
}

fn add(fields: &mut Fields, sign: f64) -> Option<Input> {
    let profile_id = fields.required_id("profileId");
    let property = fields.required_text("property");
    if property
        .as_ref()
        .is_some_and(|name| name.len() > LONGEST_KEY)
    {
        fields.problem("property", "must be at most 256 bytes long");
    }
    if property.as_deref().is_some_and(has_prototype) {
        fields.problem("property", "must not have this name");
    }
    let by = fields.number_above_zero("value");
    Some(Input::Add {
        profile_id: profile_id?,
        property: property?,
        by: sign * by.unwrap_or(1.0),
    })
}

fn alias(fields: &mut Fields) -> Option<Input> {
    let profile_id = fields.required_id("profileId");
    let alias = fields.required_id("alias");
    Some(Input::Alias {
        profile_id: profile_id?,
        alias: alias?,
    })
}

fn group(fields: &mut Fields) -> Option<Input> {
    let id = fields.required_id("id");
    let kind = fields.required_name("type");
    let name = fields.required_name("name");
    Some(Input::Group {
        id: id?,
        kind: kind?,
        name: name?,
        properties: fields.kept_properties(),
    })
}

fn assign_groups(fields: &mut Fields) -> Option<Input> {
    let groups = fields.texts("groupIds").or_else(|| fields.texts("groups"));
    if groups.is_none() {
        fields.problem("groupIds", "is required");
    }
    Some(Input::AssignGroups {
        profile_id: fields.id("profileId"),
        groups: groups?.into_iter().collect(),
    })
}

fn replay(fields: &mut Fields, arrival: Timestamp) -> Option<Recording> {
    let index = fields.count("chunk_index", 0);
    let events_count = fields.count("events_count", 1);
    let is_full_snapshot = fields.flag("is_full_snapshot");
    let near = (arrival - REPLAY_DISTANCE)..=(arrival + REPLAY_DISTANCE);
    let started_at = fields.moment("started_at", &near);
    let ended_at = fields.moment("ended_at", &near);
    let payload = fields.required_text("payload");
    let is_too_long = |payload: &str| payload.encode_utf16().count() > LONGEST_REPLAY;
    if payload.as_deref().is_some_and(is_too_long) {
        fields.problem("payload", "must be at most 2097152 characters long");
    }
    let session_id = fields.text("sessionId").filter(|id| !id.is_empty());
    let is_long = |id: &String| id.chars().count() > LONGEST_SESSION_ID;
    if session_id.as_ref().is_some_and(is_long) {
        fields.problem("sessionId", "must be at most 64 characters long");
    }
    Some(Recording {
        session_id,
        index: index?,
        events_count: events_count?,
        is_full_snapshot: is_full_snapshot?,
        started_at: started_at?,
        ended_at: ended_at?,
        payload: payload?,
    })
}
