//! What is tracked while the clock runs.

use serde_json::{Value as Json, json};

use super::{
    ALIASES, Maker, Sent, What, at,
    samples::{AGENTS, CAMPAIGNS, GROUPS, NAMES, PAGES, PEOPLE, REFERRERS, SITE},
};

const VISITS: usize = 230;
const DEVICES: i64 = 80;
const MINUTE: i64 = 60_000;

/// A visitor, as the events of one visit tell of it.
struct Visitor {
    agent: &'static str,
    device: String,
    profile: Option<String>,
    referrer: &'static str,
}

impl Maker {
    pub(super) fn visits(&mut self) {
        for visit in 0..VISITS {
            let from = self.moment(visit);
            let device = self.random.between(0, DEVICES);
            self.visit(from, device);
        }
        // Somebody is there when one asks.
        for (device, ago) in [(900, 4 * MINUTE), (901, 2 * MINUTE), (902, 5 * MINUTE + 1)] {
            self.visit(at("2026-04-03T09:41:07.250Z") - ago, device);
        }
        let mut end = at("2026-03-02T12:00:00Z");
        while end < at("2026-04-03T09:41:00Z") {
            self.sent.push(Sent {
                at: end,
                what: What::EndIdleSessions,
            });
            end += 26 * 60 * MINUTE;
        }
    }

    /// When a visit begins: now and then where days and weeks begin or clocks are changed.
    fn moment(&mut self, visit: usize) -> i64 {
        const EDGES: &[&str] = &[
            "2026-03-08T06:55:00Z",
            "2026-03-08T04:58:00Z",
            "2026-03-09T03:58:30Z",
            "2026-03-14T12:58:00Z",
            "2026-03-22T18:14:00Z",
            "2026-03-28T22:58:00Z",
            "2026-03-29T00:52:00Z",
            "2026-03-29T21:59:00Z",
            "2026-03-31T23:59:00Z",
        ];
        if visit.is_multiple_of(6) {
            let edge = at(EDGES[self.random.below(EDGES.len())]);
            return edge + self.random.between(0, 3 * MINUTE);
        }
        self.random
            .between(at("2026-03-02T08:00:00Z"), at("2026-04-03T08:00:00Z"))
    }

    fn visit(&mut self, from: i64, device: i64) {
        let random = &mut self.random;
        let mut visitor = Visitor {
            // The same device is the same device.
            agent: AGENTS[usize::try_from(device).unwrap() % AGENTS.len()],
            device: format!("device-{device}"),
            profile: None,
            referrer: REFERRERS[random.below(REFERRERS.len())],
        };
        let events = match random.below(10) {
            0..=2 => 1,
            3..=7 => random.between(2, 6),
            _ => random.between(6, 14),
        };
        let mut now = from;
        for place in 0..events {
            if self.random.percent(25) {
                visitor.profile = Some(self.profile_id());
            }
            self.event(now, place, &visitor);
            if place == 0 && visitor.profile.is_some() && self.random.percent(40) {
                self.server_event(now + 1_500, &visitor);
            }
            // Sometimes at the very same moment, sometimes after so long that it is another visit.
            now += match self.random.below(12) {
                0 => 0,
                1 => self.random.between(1, 20),
                2 => 31 * MINUTE,
                _ => self.random.between(500, 9 * MINUTE),
            };
            // The data set ends when one asks.
            now = now.min(at("2026-04-03T09:41:07.250Z"));
        }
    }

    fn event(&mut self, now: i64, place: i64, visitor: &Visitor) {
        let mut properties = self.properties();
        let is_view = place == 0 && self.random.percent(90) || self.random.percent(55);
        let (page, title) = *self.random.pick(PAGES);
        let mut path = page.to_owned();
        if place == 0 && page.starts_with(SITE) && self.random.percent(35) {
            path = format!("{path}?{}", self.random.pick(CAMPAIGNS));
        }
        if is_view && !title.is_empty() {
            properties["__title"] = title.into();
        }
        if self.random.percent(85) {
            properties["__path"] = path.into();
        }
        if place == 0 {
            properties["__referrer"] = visitor.referrer.into();
        }
        properties["__deviceId"] = visitor.device.clone().into();
        let mut name = if is_view {
            "screen_view"
        } else {
            *self.random.pick(NAMES)
        };
        if self.random.percent(9) {
            name = "revenue";
            properties["__revenue"] = self.random.between(0, 9_999).into();
        }
        match self.random.below(14) {
            // A little late: it belongs to the visit, and may even come before its begin.
            0 => properties["__timestamp"] = (now - self.random.between(1, 6 * MINUTE)).into(),
            // Far too late: it belongs to no visit.
            1 if self.random.percent(40) => {
                let ago = self.random.between(20 * MINUTE, 600 * MINUTE);
                properties["__timestamp"] = (now - ago).into();
            }
            _ => {}
        }
        let mut payload = json!({"name": name, "properties": properties});
        if let Some(profile) = &visitor.profile {
            payload["profileId"] = profile.clone().into();
        }
        payload["groups"] = json!(self.random.pick(GROUPS));
        self.track(now, visitor.agent, "track", payload);
    }

    /// A server tells what its visitor did.
    fn server_event(&mut self, now: i64, visitor: &Visitor) {
        let mut properties = self.properties();
        properties["__path"] = "https://api.shop.example/hook".into();
        let is_known = self.random.percent(70);
        let mut payload = json!({"name": "invoice_paid", "properties": properties});
        if is_known {
            payload["profileId"] = visitor.profile.clone().into();
        } else if self.random.percent(50) {
            payload["profileId"] = "user-0".into();
        }
        if self.random.percent(30) {
            payload["name"] = "revenue".into();
            payload["properties"]["__revenue"] = self.random.between(1, 500).into();
        }
        let body = json!({"type": "track", "payload": payload});
        let what = What::ServerTrack(body);
        self.sent.push(Sent { at: now, what });
    }

    fn track(&mut self, at: i64, agent: &'static str, kind: &str, payload: Json) {
        let body = json!({"type": kind, "payload": payload});
        let what = What::Track { agent, body };
        self.sent.push(Sent { at, what });
    }

    /// Profiles, groups and aliases.
    pub(super) fn people(&mut self) {
        let mut now = at("2026-03-02T07:00:00Z");
        let mut tell = |maker: &mut Self, kind: &str, payload: Json| {
            // Not two in one moment, but for the groups.
            now += 61_003;
            let body = json!({"type": kind, "payload": payload});
            let what = What::ServerTrack(body);
            maker.sent.push(Sent { at: now, what });
        };
        for group in super::group_payloads() {
            tell(self, "group", group);
        }
        for (place, (id, first, last, email)) in PEOPLE.iter().enumerate() {
            let mut payload = json!({
                "profileId": id, "firstName": first, "lastName": last,
                "properties": {
                    "plan": self.random.pick(super::samples::PLANS),
                    "seats": place * 3,
                    "address": {"city": "Malmö", "zip": "211 0" },
                },
            });
            if !email.is_empty() {
                payload["email"] = (*email).into();
            }
            tell(self, "identify", payload);
            if place % 2 == 0 {
                let payload = json!({"profileId": id, "groupIds": ["acme"]});
                tell(self, "assign_group", payload);
            }
            if place % 3 == 0 {
                let payload = json!({"profileId": id, "property": "seats", "value": 1.5});
                tell(self, "increment", payload);
            }
        }
        for (alias, profile) in ALIASES {
            tell(self, "alias", json!({"profileId": profile, "alias": alias}));
        }
    }
}
