//! What is imported: history from elsewhere, with places.

use serde_json::{Value as Json, json};

use super::{
    Maker, at,
    samples::{CAMPAIGNS, GROUPS, IMPORTED_AGENTS, NAMES, PAGES, PLACES},
};
use crate::model::{FOREIGN_SDK, SERVER_SDK};

const VISITS: usize = 420;
const DEVICES: i64 = 150;
const MINUTE: i64 = 60_000;

impl Maker {
    /// Rows that are to be sorted into sessions, and rows that have been.
    pub(super) fn history(&mut self) -> (Vec<Json>, Vec<Json>) {
        let mut rows = Vec::new();
        for visit in 0..VISITS {
            let from = self.day_of_history(visit);
            let device = self.random.between(0, DEVICES);
            self.visit_of_history(from, device, &mut rows);
        }
        let foreign = (0..40).map(|place| {
            let now = self
                .random
                .between(at("2026-03-01T00:00:00Z"), at("2026-04-03T00:00:00Z"));
            let mut row = self.row(now, place);
            if place % 2 == 0 {
                // An event of a session elsewhere, of which nothing else is known.
                row["session_id"] = format!("elsewhere-{}", place / 4).into();
                row["device_id"] = format!("old-{}", place / 4).into();
                row["sdk_name"] = FOREIGN_SDK.into();
            } else {
                row["sdk_name"] = SERVER_SDK.into();
                row["device"] = "server".into();
                row["profile_id"] = (*self.random.pick(&["", "user-1", "user-2"])).into();
            }
            row
        });
        let foreign = foreign.collect();
        (rows, foreign)
    }

    /// Most is of the weeks before one asks; some where clocks were put back.
    fn day_of_history(&mut self, visit: usize) -> i64 {
        let (from, to) = match visit % 10 {
            0 => ("2025-10-25T21:30:00Z", "2025-10-26T02:30:00Z"),
            1 => ("2025-11-02T03:30:00Z", "2025-11-02T08:00:00Z"),
            2 => ("2025-12-20T00:00:00Z", "2026-01-20T00:00:00Z"),
            3 => ("2026-03-28T22:00:00Z", "2026-03-29T23:00:00Z"),
            _ => ("2026-02-10T00:00:00Z", "2026-04-03T07:00:00Z"),
        };
        self.random.between(at(from), at(to))
    }

    fn visit_of_history(&mut self, from: i64, device: i64, rows: &mut Vec<Json>) {
        let device = format!("history-{device}");
        let place = *self.random.pick(PLACES);
        let agent = self.random.pick(IMPORTED_AGENTS);
        let mut profile = None;
        let mut now = from;
        let events = [1, 1, 2, 3, 4, 6, 9][self.random.below(7)];
        for number in 0..events {
            if self.random.percent(20) {
                profile = Some(self.profile_id());
            }
            let mut row = self.row(now, number);
            row["device_id"] = device.clone().into();
            if let Some(profile) = &profile {
                row["profile_id"] = profile.clone().into();
            }
            let (country, region, city, degrees) = place;
            row["country"] = country.into();
            row["region"] = region.into();
            row["city"] = city.into();
            if let Some((longitude, latitude)) = degrees {
                row["longitude"] = longitude.into();
                row["latitude"] = latitude.into();
            }
            let columns = [
                "os",
                "os_version",
                "browser",
                "browser_version",
                "device",
                "brand",
                "model",
            ];
            for (column, value) in columns.iter().zip(agent) {
                row[*column] = (*value).into();
            }
            rows.push(row);
            now += match self.random.below(10) {
                0 => 0,
                _ => self.random.between(300, 12 * MINUTE),
            };
        }
    }

    /// A row without a device and a place.
    fn row(&mut self, now: i64, number: usize) -> Json {
        let mut properties = self.properties();
        properties["n"] = self.next_number().into();
        let is_view = number == 0 || self.random.percent(60);
        let (page, title) = *self.random.pick(PAGES);
        let (origin, path) = match page.find("example/") {
            Some(slash) => page.split_at(slash + "example".len()),
            None => ("", page),
        };
        if is_view && !title.is_empty() {
            properties["__title"] = title.into();
        }
        if self.random.percent(30) {
            for pair in self.random.pick(CAMPAIGNS).split('&') {
                let (name, value) = pair.split_once('=').unwrap();
                properties["__query"][name] = value.into();
            }
        }
        let mut name = if is_view {
            "screen_view"
        } else {
            *self.random.pick(NAMES)
        };
        let mut row = json!({});
        if self.random.percent(8) {
            name = "revenue";
            row["revenue"] = self.random.between(0, 99_999).into();
        }
        for (key, value) in [
            ("id", json!(self.random.uuid())),
            ("name", json!(name)),
            ("origin", json!(origin)),
            ("path", json!(path)),
            ("properties", properties),
            ("groups", json!(self.random.pick(GROUPS))),
            ("created_at", json!(now)),
            ("sdk_name", json!(self.random.pick(&["web", "nextjs", ""]))),
            ("sdk_version", json!("1.4.1")),
        ] {
            row[key] = value;
        }
        if self.random.percent(40) {
            row["referrer"] = "https://www.bing.com/search?q=å".into();
            row["referrer_name"] = "Bing".into();
            row["referrer_type"] = "search".into();
        }
        row
    }
}
