//! What a visitor uses, by the user agent: `docs/contract/track.md` §5.6.
//!
//! The words are read by hand, for no library gives what is stored. Measured here with four common
//! browsers, on one core, optimized: crate `uaparser` 0.6 takes 1.1 s to start, 192 MiB and 3 ms
//! for each; `ua-parser` 0.2 takes 275 ms, 25 MiB and 22 µs; neither splits desktop from mobile,
//! and both give versions of three numbers only. `woothee` 0.13 takes 2 MiB and 8 µs, and knows
//! neither brand nor model. `fast_uaparser` downloads its rules while it is built.
//! This needs no time to start, 10 µs for each of the 18 053 user agents that uap-core tests with, and
//! 50 ns for one it remembers.

mod browser;
mod device;
mod system;
mod tokens;

use std::{collections::BTreeMap, sync::Arc};

use paneld_domain::Agent;
use quick_cache::{Weighter, sync::Cache};

use self::tokens::Tokens;

/// How much of a user agent is read. None that people's browsers send is longer.
const LONGEST: usize = 1024;
/// How long a version, a brand or the name of a model may be.
const LONGEST_FIELD: usize = 64;
/// How many bytes are kept of what an app says of itself.
const LONGEST_OVERRIDE: usize = 255;
/// How many bytes the cache may take, and how many user agents that makes, about.
const CACHED_BYTES: u64 = 8 << 20;
const CACHED: usize = 16_384;
/// What an entry takes besides its texts.
const ENTRY: usize = 320;

/// Reads user agents, and remembers those it read.
#[derive(Debug)]
pub struct Agents {
    cache: Cache<String, Arc<Agent>, Weight>,
    server: Arc<Agent>,
}

impl Agents {
    /// A reader that remembers no user agent yet.
    pub fn new() -> Self {
        Self {
            cache: Cache::with_weighter(CACHED, CACHED_BYTES, Weight),
            server: Arc::new(Agent::server()),
        }
    }

    /// What sent this header; a server when it is empty or names no device, system or browser.
    pub fn read(&self, user_agent: &str) -> Arc<Agent> {
        let user_agent = cut(user_agent, LONGEST);
        if is_program(user_agent) {
            return Arc::clone(&self.server);
        }
        if let Some(agent) = self.cache.get(user_agent) {
            return agent;
        }
        let agent = parse(user_agent);
        let agent = if agent.is_server() {
            Arc::clone(&self.server)
        } else {
            Arc::new(agent)
        };
        self.cache.insert(user_agent.to_owned(), Arc::clone(&agent));
        agent
    }
}

impl Default for Agents {
    fn default() -> Self {
        Self::new()
    }
}

/// What a visitor uses when the app says so itself, in properties (`docs/contract/track.md` §4.4).
///
/// Servers stay servers, and nobody becomes one: it decides about sessions, too.
pub fn overridden(agent: &Agent, properties: &BTreeMap<String, String>) -> Agent {
    let mut agent = agent.clone();
    if agent.is_server() {
        return agent;
    }
    for (name, field) in [
        ("__os", &mut agent.os),
        ("__osVersion", &mut agent.os_version),
        ("__browser", &mut agent.browser),
        ("__browserVersion", &mut agent.browser_version),
        ("__device", &mut agent.device),
        ("__brand", &mut agent.brand),
        ("__model", &mut agent.model),
    ] {
        match properties.get(name) {
            Some(value) if name == "__device" && value == Agent::SERVER => {}
            Some(value) if !value.is_empty() => {
                cut(value, LONGEST_OVERRIDE).clone_into(field);
            }
            _ => {}
        }
    }
    agent
}

/// Whether a user agent is a name, a slash, and a version: no browser is that terse.
fn is_program(user_agent: &str) -> bool {
    let Some((name, version)) = user_agent.split_once('/') else {
        return user_agent.is_empty();
    };
    let is_version = |char: char| char.is_ascii_digit() || char == '.';
    !name.is_empty() && !version.is_empty() && version.chars().all(is_version)
}

fn parse(user_agent: &str) -> Agent {
    let tokens = Tokens::of(user_agent);
    let (os, os_version) = system::system(&tokens);
    let (browser, browser_version) = browser::browser(&tokens);
    let device = device::device(&tokens, os);
    let known = [os, browser, &device.brand, &device.model];
    if known.iter().all(|text| text.is_empty()) {
        return Agent::server();
    }
    Agent {
        os: os.to_owned(),
        os_version: cut(&os_version, LONGEST_FIELD).to_owned(),
        browser: browser.to_owned(),
        browser_version: cut(&browser_version, LONGEST_FIELD).to_owned(),
        device: device.kind.to_owned(),
        brand: cut(&device.brand, LONGEST_FIELD).to_owned(),
        model: cut(&device.model, LONGEST_FIELD).to_owned(),
    }
}

/// As many characters of a text as fit into so many bytes.
fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

/// What an entry of the cache takes, in bytes.
#[derive(Debug, Clone)]
struct Weight;

impl Weighter<String, Arc<Agent>> for Weight {
    fn weight(&self, user_agent: &String, agent: &Arc<Agent>) -> u64 {
        let texts = agent.texts().map(str::len).iter().sum::<usize>();
        let bytes = user_agent.len() + texts + ENTRY;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
