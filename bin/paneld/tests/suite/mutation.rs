//! Bodies that are nearly those of real requests.

use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Map, Value as Json, json};

/// Texts where something may go wrong.
const TEXTS: [&str; 24] = [
    "",
    " ",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "\u{1f600}",
    "e\u{301}",
    "__proto__",
    "constructor",
    "session_start",
    "revenue",
    "null",
    "NaN",
    "-0",
    "1e309",
    "2026-01-15T10:29:00.000Z",
    "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "0b8c6c1e-6f0e-4c3c-9a57-1f2d6f0c9a11",
    "https://a.example/?utm_source=x%00y&q=%ff#h",
    "http://[::1%25eth0]:99999/",
    "//x",
    "::ffff:198.51.100.7",
    "'; DROP TABLE events; --",
];
/// Bytes that mean something in JSON, or nearly.
const PIECES: [&[u8]; 20] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud83d",
    b"\\ude00",
    b"\\u",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-",
    b"\"__proto__\":",
    b"\n",
    b"\0",
];
/// Keys that mean something.
const KEYS: [&str; 26] = [
    "type",
    "payload",
    "name",
    "profileId",
    "properties",
    "groups",
    "groupIds",
    "timestamp",
    "eventId",
    "value",
    "property",
    "id",
    "alias",
    "email",
    "avatar",
    "sessionId",
    "__path",
    "__referrer",
    "__timestamp",
    "__revenue",
    "__ip",
    "__deviceId",
    "__identify",
    "__proto__",
    "started_at",
    "clientId",
];
const KINDS: [&str; 8] = [
    "track",
    "identify",
    "increment",
    "decrement",
    "alias",
    "group",
    "assign_group",
    "replay",
];

/// Changes real bodies.
pub(crate) struct Mutator {
    bodies: Vec<Vec<u8>>,
}

impl Mutator {
    /// From these bodies, which are JSON.
    pub(crate) fn new(mut bodies: Vec<Vec<u8>>) -> Self {
        let replay = json!({"type": "replay", "payload": {"chunk_index": 0, "events_count": 1,
            "is_full_snapshot": true, "started_at": "2026-01-15T10:29:00Z",
            "ended_at": "2026-01-15T10:29:01Z", "payload": "[]", "sessionId": "s"}});
        let identified = json!({"type": "track", "payload": {"name": "x", "groups": ["g"],
            "properties": {"__identify": {"profileId": 7, "email": "a@b.example"},
            "__ip": "198.51.100.7", "__deviceId": "d", "a": {"b": [1, null, {"c": true}]}}}});
        let added = json!({"type": "increment", "payload": {"profileId": "p", "property": "n",
            "value": 2.5}});
        for body in [replay, identified, added] {
            // As often as all the others.
            for _ in 0..20 {
                bodies.push(body.to_string().into_bytes());
            }
        }
        Self { bodies }
    }

    /// One of them, changed a little or a lot.
    pub(crate) fn body(&self, rng: &mut StdRng) -> Vec<u8> {
        let body = &self.bodies[rng.random_range(0..self.bodies.len())];
        let mut json = serde_json::from_slice::<Json>(body).unwrap();
        for _ in 0..rng.random_range(0..3) {
            change(rng, &mut json, 0);
        }
        if json.is_object() && rng.random_ratio(1, 8) {
            json["type"] = KINDS[rng.random_range(0..KINDS.len())].into();
        }
        let mut bytes = json.to_string().into_bytes();
        if rng.random_ratio(1, 4) {
            for _ in 0..rng.random_range(1..4) {
                self.scratch(rng, &mut bytes);
            }
        }
        bytes
    }

    /// Changes bytes, whatever they mean.
    fn scratch(&self, rng: &mut StdRng, bytes: &mut Vec<u8>) {
        let at = rng.random_range(0..=bytes.len());
        let to = rng.random_range(at..=bytes.len().min(at + 40));
        match rng.random_range(0..5) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let piece = PIECES[rng.random_range(0..PIECES.len())];
                drop(bytes.splice(at..at, piece.iter().copied()));
            }
            2 => {
                let again = bytes[at..to].to_vec();
                drop(bytes.splice(at..at, again));
            }
            3 => {
                let other = &self.bodies[rng.random_range(0..self.bodies.len())];
                let from = rng.random_range(0..other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.random_range(0..8);
                }
            }
        }
    }
}

/// Changes something somewhere in a value.
fn change(rng: &mut StdRng, json: &mut Json, depth: u32) {
    // What is wrong far outside hides all that is inside.
    let (going, choices) = if depth < 2 { (31, 24) } else { (24, 6) };
    let goes_in = depth < 6 && rng.random_ratio(going, 32);
    match json {
        Json::Object(fields) if goes_in && !fields.is_empty() => {
            let index = rng.random_range(0..fields.len());
            let name = fields.keys().nth(index).unwrap().clone();
            match rng.random_range(0..choices) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let value = fields.remove(&name).unwrap();
                    fields.insert(key(rng), value);
                }
                2 => drop(fields.insert(key(rng), anything(rng))),
                _ => change(rng, &mut fields[&name], depth + 1),
            }
        }
        Json::Array(list) if goes_in && !list.is_empty() => {
            let index = rng.random_range(0..list.len());
            change(rng, &mut list[index], depth + 1);
        }
        Json::String(text) if goes_in => {
            let places = text.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
            let at = places.get(rng.random_range(0..=places.len())).copied();
            let piece = TEXTS[rng.random_range(0..TEXTS.len())];
            text.insert_str(at.unwrap_or(text.len()), piece);
        }
        other => *other = anything(rng),
    }
}

fn key(rng: &mut StdRng) -> String {
    if rng.random_ratio(3, 4) {
        KEYS[rng.random_range(0..KEYS.len())].to_owned()
    } else {
        TEXTS[rng.random_range(0..TEXTS.len())].repeat(rng.random_range(1..4))
    }
}

fn anything(rng: &mut StdRng) -> Json {
    match rng.random_range(0..12) {
        0 => Json::Null,
        1 => rng.random::<bool>().into(),
        2 => rng.random::<i64>().into(),
        3 => rng.random::<u64>().into(),
        4 => f64::from_bits(rng.random()).into(),
        5 => json!([]),
        6 => json!({}),
        7 => "x".repeat(rng.random_range(0..20_000)).into(),
        8 => (0..rng.random_range(0..20)).fold(json!(1), |inner, _| json!([inner])),
        9 => {
            let many = (0..rng.random_range(0..700)).map(|n| (n.to_string(), json!(n)));
            Json::Object(many.collect::<Map<_, _>>())
        }
        10 => json!([TEXTS[rng.random_range(0..TEXTS.len())], 1, null]),
        _ => TEXTS[rng.random_range(0..TEXTS.len())].into(),
    }
}
