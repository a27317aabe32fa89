//! Which sources may name a library, where a whole package is too much.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    ItemExternCrate, ItemUse, Macro, Path, UseTree,
    visit::{self, Visit},
};
use xshell::Shell;

/// Libraries with the beginnings of the paths of those sources that may name them.
const NAMED_ONLY_IN: &[(&str, &[&str])] = &[
    (
        "duckdb",
        &[
            "crates/events/src/duckdb.rs",
            "crates/events/src/duckdb/",
            "crates/events/examples/",
            "crates/events/tests/",
            "crates/testing-files/src/",
        ],
    ),
    (
        "clickhouse",
        &[
            "crates/events/src/clickhouse.rs",
            "crates/events/src/clickhouse/",
        ],
    ),
];

/// One finding for each source that names a library that it must not know.
pub(super) fn findings(sh: &Shell, files: &BTreeSet<String>) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        let text = sh.read_file(path)?;
        for (library, homes) in NAMED_ONLY_IN {
            let is_at_home = homes.iter().any(|home| path.starts_with(home));
            if !is_at_home
                && names(&text, library).with_context(|| format!("failed to read {path}"))?
            {
                findings.push(format!(
                    "{path} must not name {library}: only {} may",
                    homes.join(", ")
                ));
            }
        }
    }
    Ok(findings)
}

/// Whether the code names the library. A module of its name is another thing: `crate::` or the like
/// stands before it.
fn names(text: &str, library: &str) -> Result<bool> {
    // Most sources say nothing of it, and need not be read.
    if !text.contains(library) {
        return Ok(false);
    }
    let mut mentions = Mentions {
        library,
        is_named: false,
    };
    mentions.visit_file(&syn::parse_file(text)?);
    Ok(mentions.is_named)
}

struct Mentions<'a> {
    library: &'a str,
    is_named: bool,
}

impl<'ast> Visit<'ast> for Mentions<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast ItemExternCrate) {
        self.is_named |= item.ident == self.library;
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // A lone name is a variable.
        self.is_named |= path.segments.len() > 1 && path.segments[0].ident == self.library;
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.mention(called.tokens.clone());
    }
}

impl Mentions<'_> {
    fn import(&mut self, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => self.is_named |= path.ident == self.library,
            UseTree::Name(name) => self.is_named |= name.ident == self.library,
            UseTree::Rename(name) => self.is_named |= name.ident == self.library,
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.import(tree)),
            UseTree::Glob(_) => {}
        }
    }

    /// The same among tokens: `library::`, and nothing of a path before it.
    fn mention(&mut self, tokens: TokenStream) {
        let tokens = tokens.into_iter().collect::<Vec<_>>();
        let is_colon = |place: Option<usize>| {
            let token = place.and_then(|place| tokens.get(place));
            matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':')
        };
        for (place, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.mention(group.stream()),
                TokenTree::Ident(ident) if *ident == self.library => {
                    let is_path = is_colon(Some(place + 1)) && is_colon(Some(place + 2));
                    self.is_named |= is_path && !is_colon(place.checked_sub(1));
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_in_imports_paths_and_macros() {
        for text in [
            "use duckdb::Connection;",
            "pub use ::duckdb::arrow;",
            "use {duckdb::Connection, std::fs};",
            "use duckdb as engine;",
            "extern crate duckdb;",
            "fn open() -> duckdb::Result<()> { todo!() }",
            "fn open() { ::duckdb::Connection::open(file); }",
            "fn open() { println!(\"{}\", duckdb::VERSION); }",
            "fn open() { duckdb::params![1]; }",
            "#[cfg(test)] mod tests { use duckdb::Connection; }",
        ] {
            assert!(names(text, "duckdb").unwrap(), "{text}");
        }
    }

    #[test]
    fn modules_variables_and_texts_of_its_name_are_not_the_library() {
        for text in [
            "mod duckdb;",
            "use crate::{duckdb::Store, sql};",
            "pub use self::duckdb::arrow;",
            "fn open() { crate::duckdb::Store::open(); dbg!(crate::duckdb::Store::open()); }",
            "fn open() { let duckdb = \"duckdb::memory:\"; dbg!(duckdb); drop(duckdb) }",
            "/// As `duckdb::Connection` does.\nfn open() {}",
        ] {
            assert!(!names(text, "duckdb").unwrap(), "{text}");
        }
    }
}
