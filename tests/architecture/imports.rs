//! Which module knows which: every path of every module, resolved.

use crate::modules::{below, Module};
use std::collections::{BTreeMap, BTreeSet};

/// One module that knows another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Whether it only shows to others what the other module defines.
    pub(crate) is_reexport: bool,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Module(String),
    /// Something that this module defines.
    ItemOf(String),
}

/// All of them, except those of a module to itself.
pub(crate) fn imports(modules: &BTreeMap<String, Module>) -> BTreeSet<Import> {
    let crate_ = Crate { modules };
    let mut imports = BTreeSet::new();
    for (from, module) in modules {
        let mut add = |target: Target, is_reexport: bool| {
            let (Target::Module(to) | Target::ItemOf(to)) = target;
            if to != *from {
                imports.insert(Import {
                    from: from.clone(),
                    to,
                    is_reexport,
                });
            }
        };
        for item in &module.uses {
            if let Some(target) = crate_.resolve(from, &item.path, 0) {
                add(target, item.is_reexport);
            }
        }
        for path in &module.paths {
            // a single name that leads to a module is a variable of that name
            if let Some(target @ Target::ItemOf(_)) = crate_.resolve(from, path, 0) {
                add(target, false);
            }
        }
    }
    imports
}

/// Where a module has an inherent `impl` block for a type that another one defines: `(module, type, defined in)`.
pub(crate) fn foreign_impls(
    modules: &BTreeMap<String, Module>,
) -> impl Iterator<Item = (&str, &str, String)> {
    modules.iter().flat_map(move |(path, module)| {
        module.impls.iter().filter_map(move |name| {
            let names: Vec<String> = name.split("::").map(str::to_owned).collect();
            match (Crate { modules }).resolve(path, &names, 0) {
                Some(Target::ItemOf(at)) if at != *path => Some((path.as_str(), name.as_str(), at)),
                _ => None,
            }
        })
    })
}

/// No chain of re-exports is longer.
const DEEPEST: usize = 12;

struct Crate<'a> {
    modules: &'a BTreeMap<String, Module>,
}

impl Crate<'_> {
    /// What `path` means in `module`; `None` if it belongs to another crate.
    fn resolve(&self, module: &str, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk("", rest, depth),
            "self" => self.walk(module, rest, depth),
            "super" => self.walk(parent(module), rest, depth),
            "Self" => None,
            name => {
                let target = self.name(module, name, !rest.is_empty(), depth)?;
                self.go_on(target, rest, depth)
            }
        }
    }

    fn walk(&self, module: &str, path: &[String], depth: usize) -> Option<Target> {
        match path.split_first() {
            None => Some(Target::Module(module.to_owned())),
            Some((first, rest)) if first == "super" => self.walk(parent(module), rest, depth),
            Some((first, rest)) => {
                let target = self.name(module, first, !rest.is_empty(), depth);
                let target = target.unwrap_or_else(|| Target::ItemOf(module.to_owned()));
                self.go_on(target, rest, depth)
            }
        }
    }

    fn go_on(&self, target: Target, rest: &[String], depth: usize) -> Option<Target> {
        match target {
            Target::Module(module) if !rest.is_empty() => self.walk(&module, rest, depth),
            // the rest is an associated item or a variant
            target => Some(target),
        }
    }

    /// What `name` is in a module: its child, its item, or something that it imports. `is_path`: more follows it, so a
    /// function does not count.
    fn name(&self, module: &str, name: &str, is_path: bool, depth: usize) -> Option<Target> {
        if depth > DEEPEST {
            return None;
        }
        let found = self.modules.get(module)?;
        let is_child = found.children.contains(name);
        if found.items.contains(name) && !(is_child && is_path) {
            return Some(Target::ItemOf(module.to_owned()));
        }
        if is_child {
            return Some(Target::Module(below(module, name)));
        }
        let mut uses = found.uses.iter();
        let named = uses.find(|item| item.name.as_deref() == Some(name));
        if let Some(item) = named {
            // `use name::…` of another crate of the same name
            let is_itself = item.path.first().map(String::as_str) == Some(name);
            return (!is_itself).then(|| self.resolve(module, &item.path, depth + 1))?;
        }
        let mut globs = found.uses.iter().filter(|item| item.name.is_none());
        globs.find_map(|item| match self.resolve(module, &item.path, depth + 1)? {
            Target::Module(globbed) if globbed != module => {
                self.name(&globbed, name, is_path, depth + 1)
            }
            _ => None,
        })
    }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}
