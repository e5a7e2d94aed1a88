//! The modules of a crate, as its source files declare them. Whatever is `#[cfg(test)]` is left out.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{self, Visit};
use syn::{
    Attribute, File, ImplItem, Item, ItemImpl, Macro, Meta, Stmt, Type, UseTree, Visibility,
};

/// Texts of source files by their path below `src`.
pub(crate) type Sources = BTreeMap<String, String>;

/// A module and what stands in its file.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) lines: usize,
    pub(crate) has_doc: bool,
    pub(crate) children: BTreeSet<String>,
    /// Names of the items that it defines.
    pub(crate) items: BTreeSet<String>,
    pub(crate) uses: Vec<Use>,
    /// Paths in code, in types and in the arguments of macros.
    pub(crate) paths: BTreeSet<Vec<String>>,
    /// Types that it has inherent `impl` blocks for.
    pub(crate) impls: BTreeSet<String>,
    /// Format strings that print with `Debug`, except those of `tracing`.
    pub(crate) debug_formats: Vec<String>,
}

/// One name of a `use`.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    /// What it is called here; `None` for a glob.
    pub(crate) name: Option<String>,
    /// Whether others see it.
    pub(crate) is_reexport: bool,
}

/// The modules that can be reached from `lib.rs`, by their paths: `runner::ssh::config`, and an empty one for `lib.rs`.
pub(crate) fn modules(sources: &Sources) -> BTreeMap<String, Module> {
    let mut modules = BTreeMap::new();
    let mut open = vec![(String::new(), "lib.rs".to_owned())];
    while let Some((path, file)) = open.pop() {
        let module = read(&sources[&file], &file);
        for child in &module.children {
            let path = below(&path, child);
            let base = path.replace("::", "/");
            let files = [format!("{base}.rs"), format!("{base}/mod.rs")];
            let file = files.into_iter().find(|file| sources.contains_key(file));
            open.push((path, file.unwrap_or_else(|| panic!("{base} has no file"))));
        }
        modules.insert(path, module);
    }
    modules
}

pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}::{name}")
    }
}

fn read(text: &str, file: &str) -> Module {
    let parsed: File =
        syn::parse_file(text).unwrap_or_else(|error| panic!("{file} cannot be parsed: {error}"));
    let mut reader = Reader {
        module: Module {
            file: file.to_owned(),
            lines: text.lines().count(),
            has_doc: parsed
                .attrs
                .iter()
                .any(|attribute| attribute.path().is_ident("doc")),
            ..Module::default()
        },
    };
    for item in parsed.items.iter().filter(|item| !is_test(item)) {
        reader.declare(item);
    }
    reader.visit_file(&parsed);
    reader.module
}

struct Reader {
    module: Module,
}

impl Reader {
    /// Notes the names that an item of the file itself adds to the module.
    fn declare(&mut self, item: &Item) {
        let name = match item {
            Item::Mod(item) if item.content.is_some() => {
                panic!("{} has a module inside the file", self.module.file)
            }
            Item::Mod(item) => {
                self.module.children.insert(item.ident.to_string());
                return;
            }
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            _ => return,
        };
        self.module.items.insert(name.to_string());
    }

    fn leaves(&mut self, tree: &UseTree, mut path: Vec<String>, is_reexport: bool) {
        let name = match tree {
            UseTree::Path(tree) => {
                path.push(tree.ident.to_string());
                return self.leaves(&tree.tree, path, is_reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.leaves(tree, path.clone(), is_reexport);
                }
                return;
            }
            UseTree::Name(name) if name.ident == "self" => path.last().cloned(),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                path.last().cloned()
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                Some(rename.rename.to_string())
            }
            UseTree::Glob(_) => None,
        };
        self.module.uses.push(Use {
            path,
            name,
            is_reexport,
        });
    }

    /// Paths and format strings in what a macro is given, which is not parsed.
    fn tokens(&mut self, tokens: TokenStream, formats_count: bool) {
        let mut path: Vec<String> = Vec::new();
        let (mut colons, mut after_dot) = (0, false);
        for token in tokens {
            match &token {
                TokenTree::Ident(ident) => {
                    if colons < 2 {
                        self.path(std::mem::take(&mut path), after_dot);
                    }
                    if path.is_empty() && after_dot {
                        continue;
                    }
                    path.push(ident.to_string());
                    (colons, after_dot) = (0, false);
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(punct) => after_dot = matches!(punct.as_char(), '.' | '\''),
                TokenTree::Literal(literal) => {
                    after_dot = false;
                    if formats_count {
                        self.format(&literal.to_string());
                    }
                }
                TokenTree::Group(group) => {
                    after_dot = false;
                    self.tokens(group.stream(), formats_count);
                }
            }
            self.path(std::mem::take(&mut path), false);
            colons = 0;
        }
        self.path(path, false);
    }

    fn path(&mut self, path: Vec<String>, is_field: bool) {
        if !path.is_empty() && !is_field {
            self.module.paths.insert(path);
        }
    }

    fn format(&mut self, literal: &str) {
        let mut placeholders = literal.split('{').skip(1);
        let prints_debug = |part: &str| {
            let placeholder = part.split('}').next().unwrap_or_default();
            placeholder
                .split_once(':')
                .is_some_and(|(_, format)| format.ends_with('?'))
        };
        if placeholders.any(prints_debug) {
            self.module.debug_formats.push(literal.to_owned());
        }
    }

    /// `with = "crate::path"`, and what thiserror prints.
    fn attribute(&mut self, attribute: &Attribute) {
        let Meta::List(list) = &attribute.meta else {
            return;
        };
        self.tokens(list.tokens.clone(), attribute.path().is_ident("error"));
        let tokens = list.tokens.to_string();
        for text in tokens.split('"').skip(1).step_by(2) {
            if text.starts_with("crate::") || text.starts_with("super::") {
                self.module.uses.push(Use {
                    path: text.split("::").map(str::to_owned).collect(),
                    name: Some("_".to_owned()),
                    is_reexport: false,
                });
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => return visit::visit_impl_item(self, item),
        };
        if !attributes.iter().any(is_cfg_test) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let is_test = match statement {
            Stmt::Local(local) => local.attrs.iter().any(is_cfg_test),
            _ => false,
        };
        if !is_test {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_reexport = !matches!(item.vis, Visibility::Inherited);
        self.leaves(&item.tree, Vec::new(), is_reexport);
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        if let (None, Type::Path(path)) = (&item.trait_, &*item.self_ty) {
            let names = path.path.segments.iter();
            let names: Vec<String> = names.map(|segment| segment.ident.to_string()).collect();
            self.module.impls.insert(names.join("::"));
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter();
        let names = names.map(|segment| segment.ident.to_string()).collect();
        self.path(names, path.leading_colon.is_some());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let is_tracing = item
            .path
            .segments
            .first()
            .is_some_and(|first| first.ident == "tracing");
        self.tokens(item.tokens.clone(), !is_tracing);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.attribute(attribute);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(is_cfg_test)
}

fn is_cfg_test(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) if attribute.path().is_ident("cfg") => list.tokens.to_string() == "test",
        meta => meta.path().is_ident("test"),
    }
}
