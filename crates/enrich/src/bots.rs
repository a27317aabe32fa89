//! Crawlers, monitors and the like: `docs/contract/track.md` §5.8.

use std::{cmp::Reverse, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// The texts that give bots away, as the file itself explains.
const LIST: &str = include_str!("../data/bots.txt");
/// What a bot that no list knows is called at its end.
const ENDINGS: &[&str] = &["bot", "crawler", "spider"];
/// What ends like a bot and is none: a maker of phones.
const NO_BOTS: &[&str] = &["cubot", "fossibot"];
/// How much of a user agent is looked at.
const LONGEST: usize = 1024;

/// Something that reads pages without a visitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// The name of the bot in the list.
    pub name: String,
    /// What kind: `Search engine`, `AI`, `Crawler`, `Monitor`, …
    pub kind: String,
}

/// Finds bots by their user agents.
///
/// All texts are looked for at once: measured, 0.5 MiB, 6 ms to start, and 2 µs for each user agent,
/// so little that nothing is remembered.
#[derive(Debug)]
pub struct Bots {
    /// None only if the list were too long to be searched, which a test rules out.
    texts: Option<AhoCorasick>,
    /// The bot of each text, and whether the text must be at the very beginning.
    bots: Vec<(Arc<Bot>, bool)>,
}

impl Bots {
    /// Knows those of the list that is compiled in.
    pub fn new() -> Self {
        let entries: Vec<_> = entries(LIST).collect();
        let texts = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(entries.iter().map(|entry| entry.text));
        let bots = entries.iter().map(|entry| (entry.bot(), entry.is_anchored));
        Self {
            texts: texts.ok(),
            bots: bots.collect(),
        }
    }

    /// The bot that sends this, if it is one.
    pub fn find(&self, user_agent: &str) -> Option<Arc<Bot>> {
        let user_agent = &user_agent[..user_agent.floor_char_boundary(LONGEST)];
        self.listed(user_agent).or_else(|| unlisted(user_agent))
    }

    /// The bot whose text is the longest of those in the user agent.
    fn listed(&self, user_agent: &str) -> Option<Arc<Bot>> {
        let bytes = user_agent.as_bytes();
        let found = self.texts.as_ref()?.find_overlapping_iter(user_agent);
        let found = found.filter_map(|found| {
            let (bot, is_anchored) = self.bots.get(found.pattern().as_usize())?;
            let begins = if *is_anchored {
                found.start() == 0
            } else {
                begins_word(bytes, found.start())
            };
            begins.then_some((found.len(), Reverse(found.pattern()), bot))
        });
        let (.., bot) = found.max_by_key(|(length, pattern, _)| (*length, *pattern))?;
        Some(Arc::clone(bot))
    }
}

impl Default for Bots {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether no word goes on at this place, so that `bot/` is not found in `Robot/`.
fn begins_word(bytes: &[u8], start: usize) -> bool {
    let is_inside = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).is_some_and(is_inside);
    !(before && is_inside(start))
}

/// A bot that names itself so, with a place to read about it; or with a version, as one that is
/// compatible.
fn unlisted(user_agent: &str) -> Option<Arc<Bot>> {
    let has = |texts: &[&str]| texts.iter().any(|text| user_agent.contains(text));
    let says_where = has(&["http://", "https://", "@"]);
    if !(says_where || has(&["compatible;"])) {
        return None;
    }
    let words = user_agent.split(|char: char| !(char.is_alphanumeric() || "/.-_@".contains(char)));
    // The name of a mailbox is nobody's.
    let words = words.filter(|word| !word.contains('@'));
    let mut names = words.filter_map(|word| match word.split_once('/') {
        Some((name, _version)) => Some(name),
        None => says_where.then_some(word),
    });
    let name = names.find(|name| {
        let name = name.to_ascii_lowercase();
        let ends = ENDINGS.iter().any(|ending| name.ends_with(ending));
        ends && !NO_BOTS.contains(&name.as_str())
    })?;
    Some(Arc::new(Bot {
        name: name.to_owned(),
        kind: "Unknown".to_owned(),
    }))
}

/// A line of the list.
struct Entry<'a> {
    kind: &'a str,
    text: &'a str,
    is_anchored: bool,
}

impl Entry<'_> {
    fn bot(&self) -> Arc<Bot> {
        let name = self.text.trim_end_matches(['/', ' ', '(', ')', ';', ':']);
        Arc::new(Bot {
            name: name.to_owned(),
            kind: self.kind.to_owned(),
        })
    }
}

fn entries(list: &str) -> impl Iterator<Item = Entry<'_>> {
    let mut kind = "";
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        if let Some(section) = line.strip_prefix('[') {
            kind = section.trim_end_matches(']');
            return None;
        }
        let text = line.strip_prefix('^').unwrap_or(line);
        (!text.is_empty()).then_some(Entry {
            kind,
            text,
            is_anchored: line.starts_with('^'),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static BOTS: LazyLock<Bots> = LazyLock::new(Bots::new);

    fn found(user_agent: &str) -> Option<(String, String)> {
        let bot = BOTS.find(user_agent)?;
        Some((bot.name.clone(), bot.kind.clone()))
    }

    #[test]
    fn bots_are_found() {
        for (user_agent, name, kind) in [
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot",
                "Search engine",
            ),
            (
                "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot",
                "Search engine",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36",
                "bingbot",
                "Search engine",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                "GPTBot",
                "AI",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
                "ClaudeBot",
                "AI",
            ),
            (
                "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
                "AhrefsBot",
                "Crawler",
            ),
            (
                "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
                "UptimeRobot",
                "Monitor",
            ),
            (
                "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
                "facebookexternalhit",
                "Link preview",
            ),
            ("Twitterbot/1.0", "Twitterbot", "Link preview"),
            (
                "Mozilla/5.0 (compatible; NeverHeardOfBot/0.1; +https://bot.example)",
                "NeverHeardOfBot",
                "Unknown",
            ),
            (
                "NeverHeardOfCrawler (http://crawler.example/about.html)",
                "NeverHeardOfCrawler",
                "Unknown",
            ),
            (
                "Mozilla/5.0 (compatible; neverheardof-spider; spider@example.com)",
                "neverheardof-spider",
                "Unknown",
            ),
            (
                "BacklinkCrawler (http://www.backlinktest.com/crawler.html)",
                "BacklinkCrawler",
                "Crawler",
            ),
        ] {
            let expected = Some((name.to_owned(), kind.to_owned()));
            assert_eq!(found(user_agent), expected, "{user_agent}");
        }
    }

    #[test]
    fn browsers_apps_and_programs_are_no_bots() {
        for user_agent in [
            "",
            "node",
            "undici",
            "curl/8.4.0",
            "Wget/1.21.3",
            "python-requests/2.31.0",
            "okhttp/4.9.3",
            "axios/1.6.0",
            "Go-http-client/2.0",
            "Apache-HttpClient/4.5.13 (Java/17.0.1)",
            "MyApp/1.0 (iPhone; iOS 17.4)",
            "MyApp/1.0 (https://app.example/robots and bots)",
            "MyApp/1.0 (Android 13; FOSSiBOT F101; https://app.example)",
            "MyApp/1.0 (spider@app.example)",
            "Mozilla/5.0 (Linux; Android 13; CUBOT) AppleWebKit/537.36 (KHTML, like Gecko) MyApp (https://app.example)",
            "Dalvik/2.1.0 (Linux; U; Android 13; Pixel 7 Build/TQ3A.230805.001)",
            "Mozilla/5.0 (Linux; Android 13; CUBOT/X; wv) AppleWebKit/537.36 (KHTML, like Gecko; compatible;) Chrome/126.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.6478.126 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21F90 [FBAN/FBIOS;FBAV/467.0.0.31.103;MetaIAB Facebook]",
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/AP3A.240617.008) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.6478.71 Mobile Safari/537.36",
        ] {
            assert_eq!(found(user_agent), None, "{user_agent}");
        }
    }

    #[test]
    fn words_are_found_where_they_begin() {
        assert_eq!(found("LCC (+http://corpora.example)").unwrap().0, "LCC");
        assert_eq!(found("x LCC (corpora)"), None);
        assert_eq!(found("MyGPTBot"), None);
        assert_eq!(found("My-GPTBot").unwrap().0, "GPTBot");
    }

    #[test]
    fn every_line_of_the_list_names_a_bot_and_a_kind() {
        let bots = &*BOTS;
        assert!(bots.bots.len() > 1300, "{}", bots.bots.len());
        for entry in entries(LIST) {
            assert_eq!(entry.text, entry.text.trim(), "{}", entry.text);
            assert!(entry.text.len() >= 3, "{}", entry.text);
            assert!(!entry.kind.is_empty(), "{}", entry.text);
            let found = bots.find(entry.text).unwrap();
            assert!(!found.name.is_empty() && !found.kind.is_empty());
        }
        let memory = bots.texts.as_ref().unwrap().memory_usage();
        assert!(memory < 1 << 20, "{memory}");
    }

    proptest! {
        #[test]
        fn any_text_is_a_bot_or_not(text in any::<String>()) {
            let _ = BOTS.find(&text);
        }
    }
}
