//! Which site or campaign a visitor came from: `docs/contract/track.md` §5.2.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use paneld_domain::Referrer;
use url::Url;

/// The sites, as the file itself explains.
const SITES: &str = include_str!("../data/referrers.txt");

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(SITES));

/// The parameters of the page that name a campaign, the most telling first.
const CAMPAIGN: &[&str] = &["utm_source", "ref", "utm_referrer"];

/// Where a visitor of the page came from.
///
/// `referrer` is what the browser or app sent, `page_url` and `query` are those of the page. Pages
/// of the same host are none, and a campaign in the query gives name and kind whatever the referrer.
pub fn resolve_referrer(
    referrer: &str,
    page_url: &str,
    query: &BTreeMap<String, String>,
) -> Referrer {
    let campaign = campaign(query);
    let mut found = site_referrer(referrer.trim(), page_url);
    if let Some((name, kind)) = campaign {
        found.name = name;
        // A campaign that is no known site does not make the site unknown.
        if !kind.is_empty() {
            kind.clone_into(&mut found.kind);
        }
    }
    found
}

fn site_referrer(referrer: &str, page_url: &str) -> Referrer {
    let Some(host) = host(referrer) else {
        // Apps send texts of their own.
        return Referrer {
            url: referrer.to_owned(),
            name: referrer.to_owned(),
            kind: String::new(),
        };
    };
    if self::host(page_url).is_some_and(|page| page == host) {
        return Referrer::default();
    }
    let url = referrer.trim_end_matches('/');
    let site = TABLE.by_host(&host);
    Referrer {
        url: url.to_owned(),
        name: site.map_or(url, |site| site.name).to_owned(),
        kind: site.map_or("", |site| site.kind).to_owned(),
    }
}

/// The name of the campaign, and its kind if it is a known site.
fn campaign(query: &BTreeMap<String, String>) -> Option<(String, &'static str)> {
    let value = CAMPAIGN
        .iter()
        .filter_map(|name| query.get(*name))
        .map(|value| value.trim().to_lowercase())
        .find(|value| !value.is_empty())?;
    Some(match TABLE.by_campaign(&value) {
        Some(site) => (site.name.to_owned(), site.kind),
        None => (value, ""),
    })
}

fn host(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    url.host_str()
        .filter(|host| !host.is_empty())
        .map(str::to_ascii_lowercase)
}

/// A site of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Site {
    name: &'static str,
    kind: &'static str,
}

#[derive(Debug, Default)]
struct Table {
    hosts: HashMap<&'static str, Site>,
    /// Sites that have a domain in each country, by the label before its suffix.
    families: HashMap<&'static str, Site>,
    /// By name, in lower case.
    names: HashMap<String, Site>,
}

impl Table {
    fn read(text: &'static str) -> Self {
        let mut table = Self::default();
        let mut kind = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(section) = line.strip_prefix('[') {
                kind = section.trim_end_matches(']');
            } else if let Some((name, domains)) = line.split_once(": ") {
                table.add(Site { name, kind }, domains);
            }
        }
        table
    }

    fn add(&mut self, site: Site, domains: &'static str) {
        self.names.insert(site.name.to_lowercase(), site);
        for domain in domains.split_whitespace() {
            if let Some(name) = domain.strip_prefix('=') {
                self.names.insert(name.to_owned(), site);
            } else if let Some(label) = domain.strip_suffix(".*") {
                self.families.insert(label, site);
            } else {
                self.hosts.insert(domain, site);
            }
        }
    }

    /// The site of a host, or of the nearest of its parents that is listed.
    fn by_host(&self, host: &str) -> Option<Site> {
        let listed = ancestors(host).find_map(|host| self.hosts.get(host));
        listed.copied().or_else(|| self.by_family(host))
    }

    /// The site that has this domain in some country.
    fn by_family(&self, host: &str) -> Option<Site> {
        let domain = psl::domain(host.as_bytes())?;
        let suffix = domain.suffix();
        if suffix.typ() != Some(psl::Type::Icann) {
            return None;
        }
        let label = registered(host)?.split('.').next()?;
        self.families.get(label).copied()
    }

    fn by_campaign(&self, value: &str) -> Option<Site> {
        self.by_host(value)
            .or_else(|| self.by_host(&format!("{value}.com")))
            .or_else(|| self.names.get(value).copied())
    }
}

/// A host and its parents, down to the domain that somebody registered: beyond it they belong to
/// others. The packages of apps have none.
fn ancestors(host: &str) -> impl Iterator<Item = &str> {
    let last = registered(host).unwrap_or(host).len();
    std::iter::successors(Some(host), move |host| {
        let (_, parent) = host.split_once('.')?;
        (parent.len() >= last).then_some(parent)
    })
}

/// The domain that somebody registered, by the public suffix list.
fn registered(host: &str) -> Option<&str> {
    psl::domain_str(host)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "https://shop.example/prices";

    fn query(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.into(), value.into()))
            .collect()
    }

    fn found(referrer: &str, pairs: &[(&str, &str)]) -> [String; 3] {
        let Referrer { url, name, kind } = resolve_referrer(referrer, PAGE, &query(pairs));
        [url, name, kind]
    }

    #[test]
    fn the_names_of_the_reference_run_come_out() {
        for (referrer, name, kind) in [
            (
                "https://news.ycombinator.com/item?id=1",
                "Hacker News",
                "social",
            ),
            ("https://www.google.com/search?q=shop", "Google", "search"),
            ("https://twitter.com/some/status/1", "Twitter", "social"),
            (
                "https://partner.example/page",
                "https://partner.example/page",
                "",
            ),
        ] {
            assert_eq!(found(referrer, &[]), [referrer, name, kind]);
        }
        assert_eq!(
            found("https://www.facebook.com/", &[]),
            ["https://www.facebook.com", "Facebook", "social"]
        );
        assert_eq!(
            found("", &[("utm_source", "newsletter"), ("utm_medium", "email")]),
            ["", "newsletter", ""]
        );
        assert_eq!(
            found("", &[("utm_source", "google"), ("utm_medium", "cpc")]),
            ["", "Google", "search"]
        );
        assert_eq!(
            found("", &[("ref", "producthunt")]),
            ["", "producthunt", ""]
        );
    }

    #[test]
    fn known_sites_have_a_name_and_a_kind() {
        for (host, name, kind) in [
            ("google.de", "Google", "search"),
            ("www.google.co.uk", "Google", "search"),
            ("GOOGLE.com.au", "Google", "search"),
            ("mail.google.com", "Gmail", "email"),
            ("gemini.google.com", "Gemini", "ai"),
            ("chatgpt.com", "ChatGPT", "ai"),
            ("claude.ai", "Claude", "ai"),
            ("www.perplexity.ai", "Perplexity", "ai"),
            ("copilot.microsoft.com", "Copilot", "ai"),
            ("duckduckgo.com", "DuckDuckGo", "search"),
            ("www.bing.com", "Bing", "search"),
            ("github.com", "GitHub", "tech"),
            ("stackoverflow.com", "Stack Overflow", "tech"),
            ("l.instagram.com", "Instagram", "social"),
            ("t.co", "Twitter", "social"),
            ("www.amazon.co.jp", "Amazon", "commerce"),
            ("en.wikipedia.org", "Wikipedia", "content"),
            ("googleads.g.doubleclick.net", "Google Ads", "paid"),
            ("de.pinterest.com", "Pinterest", "social"),
            ("www.pinterest.co.uk", "Pinterest", "social"),
            ("nl.search.yahoo.com", "Yahoo!", "search"),
            ("gist.github.com", "GitHub", "tech"),
            ("docs.google.com", "Google Docs", "tech"),
            ("images.google.be", "Google", "search"),
            ("chat.z.ai", "Z.ai", "ai"),
            ("qwen.ai", "Qwen", "ai"),
            ("yuanbao.tencent.com", "Yuanbao", "ai"),
            ("labs.perplexity.ai", "Perplexity", "ai"),
        ] {
            let [_, got_name, got_kind] = found(&format!("https://{host}/x"), &[]);
            assert_eq!(
                (got_name.as_str(), got_kind.as_str()),
                (name, kind),
                "{host}"
            );
        }
        for host in [
            "google.com.evil",
            "google.abc.com",
            "google.blogspot.com",
            "notgoogle.com",
            "google.example",
            "foo.github.io",
            "github.com.example",
        ] {
            let url = format!("https://{host}/x");
            assert_eq!(found(&url, &[]), [&url, &url, ""], "{host}");
        }
    }

    #[test]
    fn apps_and_other_texts_are_kept() {
        assert_eq!(found("", &[]), ["", "", ""]);
        assert_eq!(
            found("some campaign/", &[]),
            ["some campaign/", "some campaign/", ""]
        );
        assert_eq!(
            found("android-app://com.google.android.gm/", &[]),
            ["android-app://com.google.android.gm", "Gmail", "email"]
        );
        assert_eq!(
            found("android-app://com.pinterest", &[]),
            ["android-app://com.pinterest", "Pinterest", "social"]
        );
        let other = "android-app://com.pinterest.example";
        assert_eq!(found(other, &[]), [other, other, ""]);
        assert_eq!(
            found("https://a.example//", &[]),
            ["https://a.example", "https://a.example", ""]
        );
    }

    #[test]
    fn pages_of_the_same_host_are_no_referrer() {
        assert_eq!(found("https://shop.example/", &[]), ["", "", ""]);
        assert_eq!(found("http://SHOP.example:8080/x", &[]), ["", "", ""]);
        assert_eq!(
            found("https://shop.example/", &[("utm_source", "bing")]),
            ["", "Bing", "search"]
        );
        let other = "https://blog.shop.example";
        assert_eq!(found(other, &[]), [other, other, ""]);
        let without_host = resolve_referrer("https://t.co/x", "/prices", &query(&[]));
        assert_eq!(without_host.name, "Twitter");
    }

    #[test]
    fn a_campaign_names_the_referrer() {
        let site = "https://www.google.com";
        for (pairs, name, kind) in [
            (&[("utm_source", "Bing")][..], "Bing", "search"),
            (&[("utm_source", "chatgpt.com")], "ChatGPT", "ai"),
            (&[("utm_source", "hacker news")], "Hacker News", "social"),
            (&[("utm_source", "Spring Sale")], "spring sale", "search"),
            (&[("utm_source", " "), ("ref", "github")], "GitHub", "tech"),
            (
                &[("utm_referrer", "reddit.com"), ("ref", "")],
                "Reddit",
                "social",
            ),
            (
                &[("utm_source", "facebook"), ("ref", "github")],
                "Facebook",
                "social",
            ),
            (&[("utm_medium", "email")], "Google", "search"),
            (&[("utm_source", "ig")], "Instagram", "social"),
            (&[("utm_source", "FB")], "Facebook", "social"),
            (&[("utm_source", "adwords")], "Google", "search"),
        ] {
            assert_eq!(found(site, pairs), [site, name, kind], "{pairs:?}");
        }
    }

    #[test]
    fn the_table_is_written_as_it_should_be() {
        let kinds: BTreeSet<_> = TABLE.hosts.values().map(|site| site.kind).collect();
        let expected = [
            "ai", "commerce", "content", "email", "paid", "search", "social", "tech",
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
        assert!(TABLE.hosts.len() > 600, "{}", TABLE.hosts.len());
        let written = SITES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(": "))
            .flat_map(|(_, domains)| domains.split_whitespace())
            .filter(|domain| !domain.starts_with('='))
            .count();
        assert_eq!(written, TABLE.hosts.len() + TABLE.families.len());
        for host in TABLE.hosts.keys() {
            assert_eq!(*host, host.to_lowercase());
            assert!(!host.starts_with("www.") && !host.contains('/'), "{host}");
        }
    }

    proptest! {
        #[test]
        fn any_texts_have_a_referrer(
            referrer in any::<String>(),
            page in any::<String>(),
            source in any::<String>(),
        ) {
            let found = resolve_referrer(&referrer, &page, &query(&[("utm_source", &source)]));
            prop_assert!(found.url.len() <= referrer.len());
        }
    }
}
