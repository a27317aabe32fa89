//! No file of a crate uses another one that uses it in turn, by whatever detour.
//!
//! A file uses the files whose items its code names, through whatever was re-exported on the way.
//! To declare a module, or to re-export what is in it, is not a use. Methods are not looked up, and
//! tests inside a crate may use what they like.

mod modules;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use cargo_metadata::Metadata;
use xshell::Shell;

use self::modules::{Modules, Uses};

/// One finding for each group of files that use each other.
pub(super) fn findings(
    sh: &Shell,
    metadata: &Metadata,
    files: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let mut sources = BTreeMap::new();
    for path in files.iter().filter(|path| path.ends_with(".rs")) {
        sources.insert(path.clone(), sh.read_file(path)?);
    }
    let targets = metadata.workspace_packages().into_iter();
    let mut findings = BTreeSet::new();
    for target in targets.flat_map(|package| &package.targets) {
        let root = target.src_path.strip_prefix(&metadata.workspace_root)?;
        let uses = Modules::read(&sources, root.as_str())?.uses();
        findings.extend(circles(&uses).iter().map(|circle| told(&uses, circle)));
    }
    Ok(findings.into_iter().collect())
}

/// The groups of files in which each reaches every other.
fn circles(uses: &Uses) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| (file.as_str(), reached(uses, file)))
        .collect();
    let circle = |file: &str| {
        let others = reached[file].iter().copied();
        others
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect::<BTreeSet<&str>>()
    };
    let circles = uses.keys().map(|file| circle(file));
    circles.filter(|circle| !circle.is_empty()).collect()
}

/// Whatever a file uses, and what is used by that, and so on.
fn reached<'a>(uses: &'a Uses, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&str> = vec![file];
    while let Some(file) = ahead.pop() {
        let next = uses.get(file).into_iter().flat_map(BTreeMap::keys);
        ahead.extend(
            next.map(String::as_str)
                .filter(|next| reached.insert(*next)),
        );
    }
    reached
}

fn told(uses: &Uses, circle: &BTreeSet<&str>) -> String {
    let of_file = |file: &&str| {
        let used = uses[*file].iter();
        let within = used.filter(|(other, _)| circle.contains(other.as_str()));
        let told = within.map(|(other, item)| format!("`{item}` of {other}"));
        format!("{file} uses {}", told.collect::<Vec<_>>().join(", "))
    };
    let told: Vec<String> = circle.iter().map(of_file).collect();
    format!("files use each other in a circle: {}", told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
        let owned = |(path, text): &(&str, &str)| (format!("src/{path}"), (*text).to_owned());
        let sources = files.iter().map(owned).collect();
        let uses = Modules::read(&sources, "src/lib.rs").unwrap().uses();
        let circles = circles(&uses);
        circles.iter().map(|circle| told(&uses, circle)).collect()
    }

    #[test]
    fn files_that_use_each_other_are_found_through_whatever_was_re_exported() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; pub use b::deep::B as Face;"),
            ("a.rs", "pub(crate) fn a() -> crate::Face { todo!() }"),
            ("b.rs", "pub(crate) mod deep;"),
            (
                "b/deep.rs",
                "use super::super::a; pub struct B; fn b() { a::a(); }",
            ),
        ]);
        let told = "files use each other in a circle: \
                    src/a.rs uses `B` of src/b/deep.rs; src/b/deep.rs uses `a` of src/a.rs";
        assert_eq!(found, [told]);
    }

    #[test]
    fn a_parent_that_uses_a_child_that_uses_it_is_found() {
        let child = ("a.rs", "use super::Shared; pub struct A(Shared);");
        let declaring = "mod a; pub use a::A; struct Shared;";
        assert_eq!(circles_of(&[("lib.rs", declaring), child]), [""; 0]);
        let using = "mod a; use a::A; struct Shared; fn make() -> A { todo!() }";
        assert_eq!(circles_of(&[("lib.rs", using), child]).len(), 1);
    }

    #[test]
    fn what_macros_attributes_and_imports_of_all_name_counts() {
        let root = ("lib.rs", "mod a; mod b;");
        let a = ("a.rs", "pub const A: u8 = 0; pub fn t() { crate::b::b() }");
        for b in [
            "use super::a; pub fn b() { println!(\"{}\", a::A) }",
            "#[path(body = crate::a::A)] pub fn b() {}",
            "use crate::a::*; pub fn b() -> u8 { A }",
            "pub fn b() { use crate::a::A as _; }",
        ] {
            assert_eq!(circles_of(&[root, a, ("b.rs", b)]).len(), 1, "{b}");
        }
    }

    #[test]
    fn modules_tests_and_names_of_others_do_not_count() {
        let root = ("lib.rs", "mod a; mod b;");
        let a = ("a.rs", "pub const A: u8 = 0; pub fn t() { crate::b::b() }");
        for b in [
            "pub fn b() { let a = 1; a.A(); other::A::new(); ::a::A; }",
            "use crate::a; pub fn b() { let a = 1; a }",
            "pub fn b() {} #[cfg(test)] mod tests { use crate::a::A; }",
        ] {
            assert_eq!(circles_of(&[root, a, ("b.rs", b)]), [""; 0], "{b}");
        }
    }

    #[test]
    fn what_is_bound_hides_items_of_its_name_unless_it_is_called() {
        let root = ("lib.rs", "mod a; mod b; pub(crate) use a::items;");
        let a = ("a.rs", "pub fn items() { crate::b::b() }");
        let uses = |body: &str| {
            let b = format!("pub use crate::items; pub fn b() {{ {body} }}");
            !circles_of(&[root, a, ("b.rs", &b)]).is_empty()
        };
        assert!(!uses("let items = 1; drop(items); println!(\"{}\", items)"));
        assert!(uses("let items = items();"));
        assert!(uses("list.map(items)"));
    }

    #[test]
    fn a_file_is_where_its_attribute_says() {
        let found = circles_of(&[
            ("lib.rs", "mod one;"),
            (
                "one.rs",
                "#[path = \"shared/a.rs\"] mod a; fn one() { a::a() } struct One;",
            ),
            ("shared/a.rs", "fn a() -> super::One { todo!() }"),
        ]);
        assert_eq!(found.len(), 1);
    }
}
