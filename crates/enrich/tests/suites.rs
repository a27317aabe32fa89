//! Recognition held against the lists of others, which `cargo xtask suites` fetches, and against
//! one of our own where others' licences are in doubt.
//!
//! Where the answers differ on purpose, `is_deviation` says why; the rest has to agree as far as
//! `docs/recognition.md` promises.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test is configured by its environment, and tells what differs"
)]

use std::{collections::BTreeMap, env, fs};

use paneld_enrich::{Agents, Bots, resolve_referrer};
use serde::{Deserialize, de::DeserializeOwned};

/// What stands in the file of a list; `None` where nobody has fetched it.
fn read<T: DeserializeOwned>(variable: &str) -> Option<T> {
    let Ok(path) = env::var(variable) else {
        println!("!!! SKIPPED: the lists of others are fetched by `cargo xtask suites`");
        return None;
    };
    Some(serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
}

#[derive(Deserialize)]
struct Crawler {
    pattern: String,
    instances: Vec<String>,
    tags: Vec<String>,
}

impl Crawler {
    fn is(&self, tag: &str) -> bool {
        self.tags.iter().any(|other| other == tag)
    }

    /// What people test with, and what has a secret otherwise.
    fn is_library(&self) -> bool {
        let first = self.tags.first().map(String::as_str);
        matches!(first, Some("http-library" | "browser-automation"))
    }
}

#[test]
fn bots_are_found_and_people_are_none() {
    let (Some(list), Some(people)) = (
        read::<Vec<Crawler>>("PANELD_TEST_BOTS"),
        read::<Vec<Answer>>("PANELD_TEST_PEOPLE"),
    ) else {
        return;
    };
    let bots = Bots::new();
    let (mut found, mut all) = (0, 0);
    for crawler in list.iter().filter(|crawler| !crawler.is_library()) {
        for user_agent in &crawler.instances {
            let is_found = bots.find(user_agent).is_some();
            if !is_found {
                println!("no bot for us: {}: {user_agent}", crawler.pattern);
            }
            assert!(is_found || !crawler.is("ai-crawler"), "{user_agent}");
            found += u32::from(is_found);
            all += 1;
        }
    }
    println!("bots: {found} of {all}");
    assert!(f64::from(found) / f64::from(all) >= 0.99);

    let wrong = people
        .iter()
        .filter(|person| bots.find(&person.user_agent).is_some());
    let wrong = wrong.map(|person| &person.user_agent).collect::<Vec<_>>();
    println!("people taken for bots: {} of {}", wrong.len(), people.len());
    assert!(wrong.len() <= 5, "{wrong:#?}");
}

/// What the other reader makes of a user agent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    user_agent: String,
    /// How often it is seen.
    weight: f64,
    fields: [String; 7],
}

const FIELDS: [(&str, f64); 7] = [
    ("system", 1.0),
    ("version of the system", 0.998),
    ("browser", 0.998),
    ("version of the browser", 0.995),
    ("device", 1.0),
    ("brand", 0.99),
    ("model", 0.97),
];

/// Where the other reader is behind, or calls the same thing otherwise.
fn is_deviation(field: usize, user_agent: &str, theirs: &str, ours: &str) -> bool {
    match (field, theirs, ours) {
        (0, "Mac OS", "macOS") | (0, "Chromium OS", "Chrome OS") => true,
        // A processor is no version.
        (1, "x86_64" | "aarch64" | "i686", "") => true,
        // Safari tells the version where iOS freezes it.
        (1, "18.6" | "18.7", _) => user_agent.contains(&format!("Version/{ours} ")),
        // Browsers of phones have names of their own.
        (2, theirs, _) if ours.strip_prefix("Mobile ") == Some(theirs) => true,
        (2, "Mobile Safari", "Brave") => true,
        (4, "", "desktop") => true,
        (5, "OPPO", "OnePlus") | (5, "", "Google") => true,
        // What browsers say that tell no model.
        (6, "K", "") => true,
        _ => false,
    }
}

#[test]
fn what_people_send_is_read_as_others_read_it() {
    let Some(people) = read::<Vec<Answer>>("PANELD_TEST_PEOPLE") else {
        return;
    };
    let agents = Agents::new();
    let all: f64 = people.iter().map(|person| person.weight).sum();
    for (field, (name, least)) in FIELDS.iter().enumerate() {
        let mut same = 0.0;
        for person in &people {
            let agent = agents.read(&person.user_agent);
            let (ours, theirs) = (agent.texts()[field], person.fields[field].as_str());
            if ours == theirs || is_deviation(field, &person.user_agent, theirs, ours) {
                same += person.weight;
            } else {
                println!("{name}: `{ours}`, not `{theirs}`: {}", person.user_agent);
            }
        }
        let share = same / all;
        println!("{name}: {:.2} %", share * 100.0);
        assert!(share + 1e-9 >= *least, "{name}: {share}");
    }
}

/// Kind, host, and a page that names it.
const SITES: &str = include_str!("fixtures/sites.txt");

#[test]
fn search_engines_and_assistants_are_known_as_referrers() {
    let lines = SITES.lines();
    let lines = lines.filter(|line| !(line.is_empty() || line.starts_with('#')));
    let mut found = BTreeMap::<&str, (u32, u32)>::new();
    for line in lines {
        let fields = line.split(' ').collect::<Vec<_>>();
        let [kind, host, page] = fields[..] else {
            panic!("{line}");
        };
        assert!(page.starts_with("https://"), "{line}");
        let referrer = format!("https://{host}/some/page");
        let read = resolve_referrer(&referrer, "https://shop.example/", &BTreeMap::new());
        let (same, all) = found.entry(kind).or_default();
        if read.kind == kind {
            *same += 1;
        } else {
            println!("{kind}: `{}` for {host}", read.kind);
        }
        *all += 1;
    }
    for (kind, least) in [("search", 140), ("ai", 90)] {
        let (same, all) = found[kind];
        println!("{kind}: {same} of {all}");
        assert!(all >= least, "{kind}: {all}");
        assert!(
            f64::from(same) / f64::from(all) >= 0.95,
            "{kind}: {same} of {all}"
        );
    }
}
