//! The modules of a crate, as far as it takes to say in which file a path ends.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Expr, ExprCall, ExprLit, ExprPath, Item, ItemMod, ItemUse, Lit, Macro, Meta,
    PatIdent, Path, UseTree, Visibility,
    visit::{self, Visit},
};

/// The files of a crate: what each uses, with an item of each file that is used.
pub(super) type Uses = BTreeMap<String, BTreeMap<String, String>>;

/// The modules of a crate; the first is its root.
#[derive(Default)]
pub(super) struct Modules(Vec<Module>);

#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    names: BTreeMap<String, Vec<Meaning>>,
    code: Code,
}

/// What a name stands for in a module; for several things, if those are of different kinds.
#[derive(Clone)]
enum Meaning {
    Item,
    Module(usize),
    Import(Vec<String>),
}

/// Where a path ends.
enum End {
    Item { module: usize, name: String },
    Module(usize),
}

/// What the code of a module says.
#[derive(Default)]
struct Code {
    paths: BTreeSet<Vec<String>>,
    imports: Vec<(String, Vec<String>)>,
    /// Modules all of whose names are imported.
    globs: Vec<Vec<String>>,
    /// Lone names in the item that is being read: items, or what is bound in it.
    lone: BTreeSet<String>,
    bound: BTreeSet<String>,
}

impl Modules {
    /// Reads the modules of a crate whose root is in this file.
    pub(super) fn read(sources: &BTreeMap<String, String>, root: &str) -> Result<Self> {
        let mut modules = Self::default();
        modules.read_file(sources, root, folder_of(root), None)?;
        Ok(modules)
    }

    fn read_file(
        &mut self,
        sources: &BTreeMap<String, String>,
        file: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> Result<usize> {
        let text = sources
            .get(file)
            .with_context(|| format!("no file {file}"))?;
        let read = syn::parse_file(text).with_context(|| format!("failed to read {file}"))?;
        self.read_items(sources, &read.items, file, folder, parent)
    }

    /// Reads a module: its items, the file it is in, and the folder of its children.
    fn read_items(
        &mut self,
        sources: &BTreeMap<String, String>,
        items: &[Item],
        file: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> Result<usize> {
        let module = self.0.len();
        self.0.push(Module {
            file: file.to_owned(),
            parent,
            ..Module::default()
        });
        let mut names: BTreeMap<String, Vec<Meaning>> = BTreeMap::new();
        let mut code = Code::default();
        for item in items.iter().filter(|item| !is_for_tests(item)) {
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let below = format!("{folder}/{name}");
                let index = match &child.content {
                    Some((_, items)) => {
                        self.read_items(sources, items, file, &below, Some(module))?
                    }
                    None => {
                        let (file, folder) = place(sources, child, file, &below);
                        self.read_file(sources, &file, &folder, Some(module))?
                    }
                };
                names.entry(name).or_default().push(Meaning::Module(index));
            } else {
                let defined = defined(item).into_iter();
                defined.for_each(|name| names.entry(name).or_default().push(Meaning::Item));
                code.visit_item(item);
                code.end_item();
            }
        }
        for (name, path) in &code.imports {
            let meanings = names.entry(name.clone()).or_default();
            meanings.push(Meaning::Import(path.clone()));
        }
        self.0[module].names = names;
        self.0[module].code = code;
        Ok(module)
    }

    /// Which files use items of which others.
    pub(super) fn uses(&self) -> Uses {
        let mut uses = Uses::new();
        for (index, module) in self.0.iter().enumerate() {
            let used = uses.entry(module.file.clone()).or_default();
            for path in &module.code.paths {
                for end in self.ends(index, path, &mut BTreeSet::new()) {
                    if let End::Item {
                        module: other,
                        name,
                    } = end
                        && self.0[other].file != module.file
                    {
                        used.insert(self.0[other].file.clone(), name);
                    }
                }
            }
        }
        uses
    }

    /// Where a path ends that is written in a module. Nowhere, if it begins with another crate.
    fn ends(
        &self,
        module: usize,
        path: &[String],
        on_the_way: &mut BTreeSet<(usize, String)>,
    ) -> Vec<End> {
        let Some((first, mut rest)) = path.split_first() else {
            return Vec::new();
        };
        let mut ends = match first.as_str() {
            "crate" => vec![End::Module(0)],
            "self" => vec![End::Module(module)],
            "super" => self.0[module].parent.map(End::Module).into_iter().collect(),
            name => self.named(module, name, on_the_way),
        };
        while let Some((name, after)) = rest.split_first() {
            rest = after;
            let next = ends.into_iter().flat_map(|end| match end {
                End::Module(module) if name == "super" => {
                    self.0[module].parent.map(End::Module).into_iter().collect()
                }
                End::Module(module) => self.named(module, name, on_the_way),
                // A variant, or what belongs to a type.
                item @ End::Item { .. } => vec![item],
            });
            ends = next.collect();
        }
        ends
    }

    /// What a name stands for in a module.
    fn named(
        &self,
        module: usize,
        name: &str,
        on_the_way: &mut BTreeSet<(usize, String)>,
    ) -> Vec<End> {
        // Whatever imports itself adds nothing.
        let step = (module, name.to_owned());
        if !on_the_way.insert(step.clone()) {
            return Vec::new();
        }
        let here = &self.0[module];
        let mut ends = Vec::new();
        for meaning in here.names.get(name).into_iter().flatten() {
            match meaning {
                Meaning::Item => ends.push(End::Item {
                    module,
                    name: name.to_owned(),
                }),
                Meaning::Module(index) => ends.push(End::Module(*index)),
                Meaning::Import(path) => ends.extend(self.ends(module, path, on_the_way)),
            }
        }
        if ends.is_empty() {
            for glob in &here.code.globs {
                for end in self.ends(module, glob, on_the_way) {
                    if let End::Module(other) = end {
                        ends.extend(self.named(other, name, on_the_way));
                    }
                }
            }
        }
        on_the_way.remove(&step);
        ends
    }
}

/// The file of a module without a body, and the folder of its children.
fn place(
    sources: &BTreeMap<String, String>,
    child: &ItemMod,
    parent: &str,
    below: &str,
) -> (String, String) {
    if let Some(path) = child.attrs.iter().find_map(path_attribute) {
        let (mut folder, mut path) = (folder_of(parent), path.as_str());
        while let Some(above) = path.strip_prefix("../") {
            (folder, path) = (folder_of(folder), above);
        }
        let file = format!("{folder}/{path}");
        let below = file.trim_end_matches(".rs").to_owned();
        return (file, below);
    }
    let files = [format!("{below}.rs"), format!("{below}/mod.rs")];
    let [file, older] = files;
    let file = if sources.contains_key(&older) {
        older
    } else {
        file
    };
    (file, below.to_owned())
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').unwrap_or_default().0
}

fn path_attribute(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The name of an item that paths can lead to.
fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn is_for_tests(item: &Item) -> bool {
    let attributes = match item {
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

impl<'ast> Visit<'ast> for Code {
    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            let names = path
                .segments
                .iter()
                .map(|segment| segment.ident.to_string());
            self.paths.insert(names.collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, expr: &'ast ExprPath) {
        match expr.path.get_ident() {
            Some(name) => {
                self.lone.insert(name.to_string());
            }
            None => visit::visit_expr_path(self, expr),
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        // As in `let rows = rows(…)`.
        if let Expr::Path(called) = &*call.func {
            self.visit_path(&called.path);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
        self.bound.insert(pat.ident.to_string());
        visit::visit_pat_ident(self, pat);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            let is_private = matches!(item.vis, Visibility::Inherited);
            self.import(&item.tree, &mut Vec::new(), is_private);
        }
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.mention(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.mention(list.tokens.clone());
        }
    }
}

impl Code {
    /// What is bound in an item hides items of the same name.
    fn end_item(&mut self) {
        let bound = std::mem::take(&mut self.bound);
        let lone = std::mem::take(&mut self.lone).into_iter();
        let items = lone.filter(|name| !bound.contains(name));
        self.paths.extend(items.map(|name| vec![name]));
    }

    fn import(&mut self, tree: &UseTree, above: &mut Vec<String>, is_private: bool) {
        let (name, last) = match tree {
            UseTree::Path(path) => {
                above.push(path.ident.to_string());
                self.import(&path.tree, above, is_private);
                above.pop();
                return;
            }
            UseTree::Group(group) => {
                let trees = group.items.iter();
                trees.for_each(|tree| self.import(tree, above, is_private));
                return;
            }
            UseTree::Glob(_) => {
                self.globs.push(above.clone());
                return self.used(above.clone(), is_private);
            }
            UseTree::Name(name) => (name.ident.to_string(), name.ident.to_string()),
            UseTree::Rename(name) => (name.rename.to_string(), name.ident.to_string()),
        };
        let mut path = above.clone();
        let name = match last.as_str() {
            "self" if name == "self" => above.last().cloned().unwrap_or_default(),
            _ => name,
        };
        if last != "self" {
            path.push(last);
        }
        self.imports.push((name, path.clone()));
        self.used(path, is_private);
    }

    /// What is re-exported is not used by that; what is imported for oneself is, be it for the
    /// methods of a trait.
    fn used(&mut self, path: Vec<String>, is_private: bool) {
        if is_private {
            self.paths.insert(path);
        }
    }

    /// Whatever looks like a path among tokens. Fields and methods do not.
    fn mention(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut before = String::new();
        for token in tokens {
            match &token {
                TokenTree::Group(group) => self.mention(group.stream()),
                TokenTree::Ident(ident) => {
                    if before != "::" {
                        self.mentioned(std::mem::take(&mut path));
                    }
                    if before != "." {
                        path.push(ident.to_string());
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            before = match (&token, before.as_str()) {
                (TokenTree::Punct(punct), ":") if punct.as_char() == ':' => "::".to_owned(),
                (TokenTree::Punct(punct), _) => punct.as_char().to_string(),
                _ => String::new(),
            };
        }
        self.mentioned(path);
    }

    fn mentioned(&mut self, path: Vec<String>) {
        if let [name] = path.as_slice() {
            self.lone.insert(name.clone());
        } else {
            self.paths.insert(path);
        }
    }
}
