//! The golden data set: what is sent, in the order of its arrival. It is the same every time.
//!
//! It has visitors who are tracked while the clock of the server runs from 2 March to 3 April
//! 2026, past the changes of the clocks in New York (8 March) and Stockholm (29 March); and
//! history that is imported, from autumn 2025 on. Every event that is sent has its number in the
//! property `n`, which is how the model knows in what order they came.

mod history;
mod samples;
mod visits;

use serde_json::{Value as Json, json};

use crate::random::Random;

/// What is sent at a moment.
#[derive(Debug)]
pub(crate) struct Sent {
    /// In milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// The body of a `/track`, from somebody with this user agent.
    Track { agent: &'static str, body: Json },
    /// The same, of a server that tells what its visitors did.
    ServerTrack(Json),
    /// The sessions that are idle end, as they do now and then.
    EndIdleSessions,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct DataSet {
    /// What is tracked, in order.
    pub(crate) sent: Vec<Sent>,
    /// Rows to import that are sorted into sessions.
    pub(crate) history: Vec<Json>,
    /// Rows to import as they are.
    pub(crate) foreign: Vec<Json>,
    /// When one asks.
    pub(crate) now: i64,
}

/// Which ids were used as profiles, and which others mean them.
pub(crate) const ALIASES: &[(&str, &str)] = &[("anna@work", "anna"), ("b0", "bo")];

pub(crate) fn profile_ids() -> Vec<String> {
    let named = samples::PEOPLE.iter().map(|(id, ..)| (*id).to_owned());
    let numbered = (0..NUMBERED_PEOPLE).map(|number| format!("user-{number}"));
    named.chain(numbered).collect()
}

/// How many people there are beside those with names.
const NUMBERED_PEOPLE: usize = 30;

/// The groups there are, as they are told; one is told twice.
pub(crate) fn group_payloads() -> Vec<Json> {
    vec![
        json!({"id": "acme", "type": "company", "name": "Acme Åkeri",
            "properties": {"tier": "gold", "seats": 10}}),
        json!({"id": "beta", "type": "team", "name": "Beta_%", "properties": {"tier": "silver"}}),
        json!({"id": "empty", "type": "company", "name": "Nobody AB"}),
        json!({"id": "acme", "type": "company", "name": "Acme Åkeri",
            "properties": {"tier": "platinum"}}),
    ]
}

/// A moment in UTC: `2026-03-02T08:00:00Z`.
pub(crate) fn at(text: &str) -> i64 {
    let moment = chrono::DateTime::parse_from_rfc3339(text).unwrap();
    moment.timestamp_millis()
}

/// Everything that is made by chance, and numbers.
struct Maker {
    random: Random,
    number: usize,
    sent: Vec<Sent>,
}

impl Maker {
    fn next_number(&mut self) -> String {
        self.number += 1;
        self.number.to_string()
    }

    fn profile_id(&mut self) -> String {
        let ids = profile_ids();
        self.random.pick(&ids).clone()
    }

    /// Properties that some events have.
    fn properties(&mut self) -> Json {
        let random = &mut self.random;
        let mut properties = json!({});
        if random.percent(50) {
            properties["plan"] = json!(random.pick(samples::PLANS));
        }
        if random.percent(40) {
            // Whole numbers, halves, and what is no number.
            properties["amount"] = match random.below(5) {
                0 => json!("many"),
                1 => json!(random.between(-20, 20)),
                _ => json!(random.between(0, 400) as f64 / 4.0),
            };
        }
        if random.percent(25) {
            let items = (0..=random.below(2)).map(
                |place| json!({"name": random.pick(&["shoe", "hat", "x%y"]), "price": place + 1}),
            );
            properties["items"] = items.collect();
        }
        if random.percent(20) {
            properties["flag"] = json!(random.percent(50));
        }
        if random.percent(10) {
            properties["day"] = json!(random.pick(&["2026-03-08", "2026-03-29 01:30:00", "soon"]));
        }
        properties
    }
}

impl DataSet {
    pub(crate) fn new() -> Self {
        let mut maker = Maker {
            random: Random::new(20_260_329),
            number: 0,
            sent: Vec::new(),
        };
        maker.people();
        maker.visits();
        let mut sent = std::mem::take(&mut maker.sent);
        sent.sort_by_key(|sent| sent.at);
        maker.number_in_order(&mut sent);
        let (history, foreign) = maker.history();
        Self {
            sent,
            history,
            foreign,
            now: at("2026-04-03T09:41:07.250Z"),
        }
    }
}

impl Maker {
    /// Numbers what is tracked, now that its order is known.
    fn number_in_order(&mut self, sent: &mut [Sent]) {
        for Sent { what, .. } in sent {
            let (What::Track { body, .. } | What::ServerTrack(body)) = what else {
                continue;
            };
            if body["type"] == "track" {
                body["payload"]["properties"]["n"] = self.next_number().into();
                body["payload"]["eventId"] = self.random.uuid().into();
            }
        }
    }
}
