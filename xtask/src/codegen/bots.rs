//! `crates/enrich/data/bots.txt`: the texts that give bots away, made of npm
//! `crawler-user-agents` and of the overrides beside it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use xshell::Shell;

use crate::suites::{BOTS, BOTS_FILE};

/// The file that is written.
pub(super) const PATH: &str = "crates/enrich/data/bots.txt";
const OVERRIDES: &str = "crates/enrich/data/bots.overrides.txt";
const HEADER: &str = "crates/enrich/data/bots.header.txt";

/// What bots are called by the tags of the list, in the order of the file.
const KINDS: &[(&str, &str)] = &[
    ("search-engine", "Search engine"),
    ("ai-crawler", "AI"),
    ("seo", "Crawler"),
    ("archiver", "Crawler"),
    ("academic", "Crawler"),
    ("http-library", "Crawler"),
    ("browser-automation", "Crawler"),
    ("social-preview", "Link preview"),
    ("feed-reader", "Feed reader"),
    ("monitoring", "Monitor"),
    ("scanner", "Scanner"),
    ("advertising", "Advertising"),
];
/// What people test with, and programs with a secret use.
const NO_BOTS: &[&str] = &["http-library", "browser-automation"];

/// An entry of the list.
#[derive(Deserialize)]
struct Crawler {
    /// A regular expression.
    pattern: String,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Default)]
struct Overrides<'a> {
    /// What is looked for in place of a pattern.
    texts: BTreeMap<&'a str, Vec<&'a str>>,
    /// Kinds and texts that the list lacks.
    added: Vec<(&'a str, &'a str)>,
}

/// The text of the file as it should be now.
pub(super) fn generate(sh: &Shell) -> Result<String> {
    let folder = tempfile::tempdir().context("failed to make a temporary folder")?;
    BOTS.unpack(sh, BOTS_FILE, folder.path())?;
    let list = sh.read_file(folder.path().join("package").join(BOTS_FILE))?;
    let list: Vec<Crawler> = serde_json::from_str(&list).context("the list has another form")?;
    let overrides = sh.read_file(OVERRIDES)?;
    let overrides = Overrides::read(&overrides)?;
    let header = sh.read_file(HEADER)?.replace("VERSION", BOTS.version);
    Ok(write(&header, &texts_by_kind(&list, &overrides)?))
}

impl<'a> Overrides<'a> {
    fn read(text: &'a str) -> Result<Self> {
        let mut overrides = Self::default();
        let texts = |texts: &'a str| {
            texts
                .split(" | ")
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let lines = text.lines();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(added) = line.strip_prefix("+ ") {
                let (kind, added) = added.split_once(": ").context("no kind before `: `")?;
                overrides
                    .added
                    .extend(texts(added).map(|text| (kind, text)));
            } else {
                let (pattern, others) = line
                    .split_once(" =>")
                    .with_context(|| format!("no ` =>` in {line}"))?;
                overrides.texts.insert(pattern, texts(others).collect());
            }
        }
        Ok(overrides)
    }
}

fn texts_by_kind(
    list: &[Crawler],
    overrides: &Overrides,
) -> Result<BTreeMap<&'static str, BTreeSet<String>>> {
    let mut by_kind = BTreeMap::<_, BTreeSet<String>>::new();
    let mut known = BTreeSet::new();
    for crawler in list {
        let tags = crawler.tags.iter().map(String::as_str).collect::<Vec<_>>();
        let first = tags.first().copied().unwrap_or("seo");
        let texts = match overrides.texts.get(crawler.pattern.trim()) {
            Some(texts) => texts.iter().map(|&text| text.to_owned()).collect(),
            None if NO_BOTS.contains(&first) => Vec::new(),
            None => vec![literal(&crawler.pattern)?],
        };
        known.extend(texts.iter().cloned());
        by_kind.entry(kind(first)?).or_default().extend(texts);
    }
    for (name, text) in &overrides.added {
        let (_, kind) = KINDS
            .iter()
            .find(|(_, kind)| kind == name)
            .with_context(|| format!("no kind is called {name}"))?;
        if known.insert((*text).to_owned()) {
            by_kind.entry(*kind).or_default().insert((*text).to_owned());
        }
    }
    Ok(by_kind)
}

fn kind(tag: &str) -> Result<&'static str> {
    let found = KINDS.iter().find(|(other, _)| *other == tag);
    let (_, kind) = found.with_context(|| format!("what kind is `{tag}`?"))?;
    Ok(kind)
}

/// The text that a pattern without anything special stands for.
fn literal(pattern: &str) -> Result<String> {
    let mut text = String::new();
    let mut chars = pattern.trim().chars().enumerate();
    while let Some((index, char)) = chars.next() {
        let char = match char {
            '\\' => {
                let escaped = chars.next().map(|(_, char)| char);
                escaped.filter(|char| !char.is_ascii_alphanumeric())
            }
            '^' if index == 0 => Some('^'),
            _ => Some(char).filter(|char| !"[](){}?*+|$.^".contains(*char)),
        };
        let char = char.with_context(|| {
            format!("`{pattern}` must be spelled out in {OVERRIDES}: it has something special")
        })?;
        text.push(char);
    }
    ensure!(text.len() >= 3, "`{pattern}` is too short to be looked for");
    Ok(text)
}

fn write(header: &str, by_kind: &BTreeMap<&str, BTreeSet<String>>) -> String {
    let mut text = header.to_owned();
    let mut written = BTreeSet::new();
    for (_, kind) in KINDS {
        let Some(texts) = by_kind.get(kind).filter(|_| written.insert(*kind)) else {
            continue;
        };
        text.push_str(&format!("\n[{kind}]\n"));
        let mut texts = texts.iter().collect::<Vec<_>>();
        texts.sort_by_key(|text| (text.to_lowercase(), *text));
        for line in texts {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}
