//! Citations of the contract in sources: a page of `docs/contract/`, perhaps with sections behind.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use xshell::Shell;

/// Where the pages are.
const FOLDER: &str = "docs/contract/";
/// What citations have before the name of a page, also those that leave out the folder above.
const MARK: &str = "contract/";
/// What ends the name of a page.
const PAGE: &str = ".md";
/// Endings of the files that cite. Links between pages are checked as links.
const SOURCES: &[&str] = &[".rs", ".sql", ".toml"];

/// One finding for each citation of a page or a section that does not exist.
pub(super) fn findings(sh: &Shell, files: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut pages = BTreeMap::new();
    for path in files.iter().filter(|path| path.starts_with(FOLDER)) {
        pages.insert(path.clone(), sections(&sh.read_file(path)?));
    }
    let mut findings = Vec::new();
    for path in files {
        if SOURCES.iter().any(|ending| path.ends_with(ending)) {
            let flaws = flaws(&pages, &sh.read_file(path)?);
            findings.extend(flaws.into_iter().map(|flaw| format!("{path}: {flaw}")));
        }
    }
    Ok(findings)
}

/// The numbers of a page's headings: `3.4` of `### 3.4 Reply`.
fn sections(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let texts = headings.map(|line| line.trim_start_matches('#').trim_start());
    let numbers = texts.map(|text| split_number(text).0.to_owned());
    numbers.filter(|number| !number.is_empty()).collect()
}

/// What is wrong with the citations in a text.
fn flaws(pages: &BTreeMap<String, BTreeSet<String>>, text: &str) -> Vec<String> {
    let mut flaws = Vec::new();
    for (start, _) in text.match_indices(MARK) {
        let after = &text[start + MARK.len()..];
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let name = after.split_once(PAGE).map_or("", |(name, _)| name);
        if name.is_empty() || !name.chars().all(is_part) {
            continue;
        }
        let page = format!("{FOLDER}{name}{PAGE}");
        if !text[..start + MARK.len()].ends_with(FOLDER) {
            flaws.push(format!("cites `{MARK}{name}{PAGE}`, which is `{page}`"));
        }
        match pages.get(&page) {
            Some(sections) => {
                let cited = cited_sections(&after[name.len() + PAGE.len()..]);
                let missing = cited.into_iter().filter(|cited| !sections.contains(*cited));
                flaws.extend(
                    missing.map(|cited| format!("cites `{page}` §{cited}, which is not there")),
                );
            }
            None => flaws.push(format!("cites `{page}`, which is not there")),
        }
    }
    flaws
}

/// The sections that stand right behind the name of a page: `§7.14, §7.15 and §7.17`. They may go
/// on in the next line of a comment.
fn cited_sections(behind: &str) -> Vec<&str> {
    let is_between = |c: char| c.is_whitespace() || "`,/!-".contains(c);
    let mut cited = Vec::new();
    let mut rest = behind;
    loop {
        rest = rest.trim_start_matches(is_between);
        for word in ["and", "to"] {
            rest = rest
                .strip_prefix(word)
                .unwrap_or(rest)
                .trim_start_matches(is_between);
        }
        let Some(section) = rest.strip_prefix('§') else {
            return cited;
        };
        let (number, next) = split_number(section);
        cited.push(number);
        rest = next;
    }
}

/// The number that a text begins with, such as `3.4`, and what stands behind it.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, rest) = text.split_at(end.unwrap_or(text.len()));
    (number.trim_end_matches('.'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flaws of a text, in which `@` stands for the mark: this file is searched, too.
    fn flaws_of(text: &str) -> Vec<String> {
        let page =
            "# Track\n\n## 5. Processing\n\nText.\n\n### 5.1 Time\n### 5.10 Filters\n## Words\n";
        let pages = BTreeMap::from([(format!("{FOLDER}track{PAGE}"), sections(page))]);
        flaws(&pages, &text.replace('@', MARK))
    }

    #[test]
    fn sections_are_the_numbers_of_headings() {
        let numbers = sections("# 1 One\n## 2. Two\n### 2.10 Ten\n## Words\n§3\n");
        assert_eq!(Vec::from_iter(numbers), ["1", "2", "2.10"]);
    }

    #[test]
    fn sections_may_be_a_list_and_go_on_in_the_next_line() {
        let listed = cited_sections("` §7.14, §7.15 and\n    //! §7.17. And §1.");
        assert_eq!(listed, ["7.14", "7.15", "7.17"]);
        assert_eq!(cited_sections("` §5 to\n-- §8): x"), ["5", "8"]);
        assert_eq!(cited_sections("`, too: §2"), [""; 0]);
    }

    #[test]
    fn what_is_there_may_be_cited() {
        let text = "//! `docs/@track.md`, `docs/@track.md` §5 and §5.10;\n// docs/@track.md §5.1. In docs/@ it is.";
        assert_eq!(flaws_of(text), [""; 0]);
    }

    #[test]
    fn what_is_not_there_is_found() {
        let text =
            "//! `docs/@gone.md` §5, `docs/@track.md` §5.1,\n//! §5.2 and §6, and `@track.md` §5.";
        let expected = [
            "cites `docs/@gone.md`, which is not there",
            "cites `docs/@track.md` §5.2, which is not there",
            "cites `docs/@track.md` §6, which is not there",
            "cites `@track.md`, which is `docs/@track.md`",
        ];
        assert_eq!(flaws_of(text), expected.map(|flaw| flaw.replace('@', MARK)));
    }
}
