//! Links between the Markdown pages of the repository.
//!
//! Only links that lead to another place in the repository are looked at: nothing here asks the network.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use xshell::Shell;

/// What a Markdown page offers to links and what it links to.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

/// One finding for each link that leads nowhere.
pub(super) fn findings(sh: &Shell, files: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        pages.insert(path.clone(), Page::parse(&sh.read_file(path)?));
    }
    Ok(broken_links(&pages, files))
}

fn broken_links(pages: &BTreeMap<String, Page>, files: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, page) in pages {
        for link in page.links.iter().filter(|link| !leads_outside(link)) {
            findings.extend(
                flaw(pages, files, path, link)
                    .map(|flaw| format!("{path}: the link `{link}` {flaw}")),
            );
        }
    }
    findings
}

/// Says what is wrong with a link, if anything.
fn flaw(
    pages: &BTreeMap<String, Page>,
    files: &BTreeSet<String>,
    path: &str,
    link: &str,
) -> Option<&'static str> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let Some(target) = resolve(path, file) else {
        return Some("leads out of the repository");
    };
    let in_folder = |file: &String| {
        target.is_empty()
            || file
                .strip_prefix(&target)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    if !files.contains(&target) && !files.iter().any(in_folder) {
        return Some("leads to no file");
    }
    // Anchors of other files, such as `lib.rs#L10`, are made by whatever shows them.
    let page = pages.get(&target)?;
    if !anchor.is_empty() && !page.anchors.contains(anchor) {
        return Some("leads to no heading of that page");
    }
    None
}

/// Whether a link has a scheme (`https:`, `mailto:`) or names a host.
fn leads_outside(link: &str) -> bool {
    let scheme = link
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.chars().all(|c| c.is_ascii_alphanumeric()));
    scheme || link.starts_with("//")
}

/// The path from the root that a link on the page `from` means; `None` if it climbs above the root.
fn resolve(from: &str, link: &str) -> Option<String> {
    if link.is_empty() {
        return Some(from.to_owned());
    }
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let start = if link.starts_with('/') { "" } else { folder };
    let mut parts = Vec::new();
    for part in start.split('/').chain(link.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

impl Page {
    fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut heading = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES) {
            match event {
                Event::Start(Tag::Link {
                    link_type: LinkType::Email,
                    ..
                }) => {}
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    page.add_anchor(&heading.take().unwrap_or_default())
                }
                _ => {}
            }
        }
        page
    }

    /// Headings that read alike get `-1`, `-2` and so on.
    fn add_anchor(&mut self, heading: &str) {
        let slug = slug(heading);
        let mut anchor = slug.clone();
        let mut count = 0;
        while !self.anchors.insert(anchor) {
            count += 1;
            anchor = format!("{slug}-{count}");
        }
    }
}

/// The anchor that GitHub gives to a heading.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    heading
        .to_lowercase()
        .chars()
        .filter(kept)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(texts: &[(&str, &str)], others: &[&str]) -> Vec<String> {
        let pages: BTreeMap<_, _> = texts
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Page::parse(text)))
            .collect();
        let files = pages
            .keys()
            .cloned()
            .chain(others.iter().map(|path| (*path).to_owned()))
            .collect();
        broken_links(&pages, &files)
    }

    #[test]
    fn slugs_follow_the_rule_of_github() {
        assert_eq!(slug("Getting started"), "getting-started");
        assert_eq!(slug("What's new in v1.2?"), "whats-new-in-v12");
        assert_eq!(slug("Crates & arrows"), "crates--arrows");
        assert_eq!(
            slug("PANELD_LISTEN: the address"),
            "paneld_listen-the-address"
        );
        assert_eq!(slug("Über uns"), "über-uns");
    }

    #[test]
    fn headings_become_anchors_and_repeated_ones_are_numbered() {
        let page = Page::parse(
            "# A `code` word\n\nUnderlined\n---\n\n## Twice\n\n## Twice\n\n```\n# not a heading\n```\n",
        );
        let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
        assert_eq!(anchors, ["a-code-word", "twice", "twice-1", "underlined"]);
    }

    #[test]
    fn links_are_taken_from_text_images_tables_and_references_but_not_from_code() {
        let text = "[a](one.md \"title\") ![b](two.png) [c] [d](<three four.md>)\n\n\
                    | x |\n| - |\n| [e](five.md) |\n\n`[no](code.md)`\n\n```\n[no](fence.md)\n```\n\n[c]: six.md\n";
        assert_eq!(
            Page::parse(text).links,
            ["one.md", "two.png", "six.md", "three four.md", "five.md"]
        );
    }

    #[test]
    fn links_to_files_folders_and_headings_are_fine() {
        let readme = "[a](docs/a.md#first-steps) [b](docs) [c](docs/) [d](#top) [e](.ci/run) [f](/docs/a.md) [g](.)\n# Top\n";
        let page = "[up](../README.md#top) [source](../src/lib.rs#L3)\n## First steps\n";
        assert_eq!(
            findings(
                &[("README.md", readme), ("docs/a.md", page)],
                &[".ci/run", "src/lib.rs"]
            ),
            [] as [&str; 0]
        );
    }

    #[test]
    fn links_outside_are_not_followed() {
        let text = "[a](https://example.org/x#y) [b](mailto:a@example.org) [c](//example.org) <https://example.org>";
        assert_eq!(findings(&[("README.md", text)], &[]), [] as [&str; 0]);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let page = "[a](b.md) [b](a.md#gone) [c](#gone) [d](../../x) [e](../READ)";
        let expected = [
            "docs/a.md: the link `b.md` leads to no file",
            "docs/a.md: the link `a.md#gone` leads to no heading of that page",
            "docs/a.md: the link `#gone` leads to no heading of that page",
            "docs/a.md: the link `../../x` leads out of the repository",
            "docs/a.md: the link `../READ` leads to no file",
        ];
        assert_eq!(
            findings(&[("docs/a.md", page), ("README.md", "")], &[]),
            expected
        );
    }
}
