//! What must hold between modules, and in each of them. Every rule gives a sentence for each offence.

use crate::imports::{foreign_impls, imports, Import};
use crate::modules::{modules, Module, Sources};
use std::collections::{BTreeMap, BTreeSet};

/// A folder or a file, and the ones beside it that it may know.
pub(crate) type MayKnow<'a> = &'a [(&'a str, &'a [&'a str])];

pub(crate) struct House {
    modules: BTreeMap<String, Module>,
    imports: BTreeSet<Import>,
}

impl House {
    pub(crate) fn new(sources: &Sources) -> Self {
        let modules = modules(sources);
        let imports = imports(&modules);
        Self { modules, imports }
    }

    /// The parts of `parent` know only whom `table` lists, and the table lists nothing else.
    pub(crate) fn strangers(&self, parent: &str, table: MayKnow<'_>) -> Vec<String> {
        let mut known: BTreeMap<(&str, &str), &Import> = BTreeMap::new();
        for import in &self.imports {
            if let (Some(from), Some(to)) = (part(parent, &import.from), part(parent, &import.to)) {
                if from != to {
                    known.entry((from, to)).or_insert(import);
                }
            }
        }
        let listed: BTreeSet<(&str, &str)> = table
            .iter()
            .flat_map(|(from, allowed)| allowed.iter().map(|to| (*from, *to)))
            .collect();
        let strange = known.iter().filter(|(pair, _)| !listed.contains(*pair));
        let stale = listed.iter().filter(|pair| !known.contains_key(*pair));
        strange
            .map(|((from, to), import)| {
                format!(
                    "{from} must not know {to}: {} uses {}",
                    import.from, import.to
                )
            })
            .chain(stale.map(|(from, to)| format!("{from} does not know {to}: unlist it")))
            .chain(self.without_rule(parent, table))
            .collect()
    }

    fn without_rule<'a>(
        &'a self,
        parent: &'a str,
        table: MayKnow<'a>,
    ) -> impl Iterator<Item = String> + 'a {
        let parts = self.modules.keys();
        let parts: BTreeSet<&str> = parts.filter_map(|module| part(parent, module)).collect();
        let ruled: BTreeSet<&str> = table.iter().map(|(name, _)| *name).collect();
        let odd: Vec<&str> = parts.symmetric_difference(&ruled).copied().collect();
        odd.into_iter()
            .map(|name| format!("{name} has no rule, or does not exist"))
    }

    /// Modules that know each other, along a way through others too. A face that only shows what its children define does
    /// not count.
    pub(crate) fn circles(&self) -> Vec<String> {
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for Import {
            from,
            to,
            is_reexport,
        } in &self.imports
        {
            let of_child = *is_reexport && to.starts_with(&format!("{from}::"));
            if !of_child && !from.is_empty() {
                graph.entry(from).or_default().insert(to);
            }
        }
        let mut seen = BTreeSet::new();
        let mut offences = Vec::new();
        for start in graph.keys() {
            let Some(circle) = shortest_circle(&graph, start) else {
                continue;
            };
            let mut members = circle.clone();
            members.sort_unstable();
            if seen.insert(members) {
                offences.push(format!("{} -> {start}", circle.join(" -> ")));
            }
        }
        offences
    }

    /// Types with an inherent `impl` in a module that does not define them.
    pub(crate) fn scattered_impls(&self) -> Vec<String> {
        foreign_impls(&self.modules)
            .map(|(module, name, at)| format!("{module} adds to {name}, which {at} defines"))
            .collect()
    }

    pub(crate) fn undocumented(&self) -> Vec<String> {
        let modules = self.modules.values().filter(|module| !module.has_doc);
        modules
            .map(|module| format!("{} says nothing of itself by //!", module.file))
            .collect()
    }

    /// Files with more than `most` lines, except `allowed`, all of which must be that long.
    pub(crate) fn long_files(&self, most: usize, allowed: &[&str]) -> Vec<String> {
        let modules = self.modules.values();
        let long = modules.filter(|module| module.lines > most);
        let long: BTreeSet<&str> = long.map(|module| module.file.as_str()).collect();
        let allowed: BTreeSet<&str> = allowed.iter().copied().collect();
        let new = long.difference(&allowed);
        let old = allowed.difference(&long);
        new.map(|file| format!("{file} is too long"))
            .chain(old.map(|file| format!("{file} is listed without need")))
            .collect()
    }

    /// Files in which `{:?}` may reach a person.
    pub(crate) fn debug_formats(&self) -> Vec<String> {
        let modules = self.modules.values();
        let printing = modules.filter(|module| !module.debug_formats.is_empty());
        printing
            .map(|module| format!("{} prints {}", module.file, module.debug_formats.join(", ")))
            .collect()
    }
}

/// Folders with more than `most` source files.
pub(crate) fn full_folders(sources: &Sources, most: usize) -> Vec<String> {
    let mut folders: BTreeMap<&str, usize> = BTreeMap::new();
    for file in sources.keys() {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        *folders.entry(folder).or_default() += 1;
    }
    let full = folders.into_iter().filter(|(_, count)| *count > most);
    full.map(|(folder, count)| format!("{folder} has {count} files"))
        .collect()
}

/// The part of `parent` that a module belongs to.
fn part<'a>(parent: &str, module: &'a str) -> Option<&'a str> {
    let rest = match parent {
        "" => module,
        _ => module.strip_prefix(parent)?.strip_prefix("::")?,
    };
    rest.split("::").next().filter(|part| !part.is_empty())
}

/// From `start` back to it, by the shortest way.
fn shortest_circle<'a>(
    graph: &BTreeMap<&'a str, BTreeSet<&'a str>>,
    start: &'a str,
) -> Option<Vec<&'a str>> {
    let mut ways = vec![vec![start]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last()?;
            for next in graph.get(last).into_iter().flatten() {
                if *next == start {
                    return Some(way);
                }
                if seen.insert(*next) {
                    longer.push([way.clone(), vec![*next]].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
