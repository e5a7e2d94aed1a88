//! docs/dependencies.md lists every crate that `Cargo.toml` names, with the address that the crate itself gives.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The crates of the page with their links: each row's first cell names one or several.
fn listed(page: &str) -> BTreeMap<String, String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ["));
    let links = rows.filter_map(|row| row.split(" | ").next());
    links
        .flat_map(|cell| cell.split('['))
        .filter_map(|link| {
            link.split_once("](")?
                .1
                .split_once(')')
                .zip(link.split_once("]("))
        })
        .map(|((address, _), (name, _))| (name.to_owned(), address.to_owned()))
        .collect()
}

fn metadata(root: &Path) -> Value {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    serde_json::from_slice(&cargo.stdout).unwrap()
}

#[test]
fn every_dependency_is_listed_and_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = listed(&fs::read_to_string(root.join("docs/dependencies.md")).unwrap());
    let metadata = metadata(root);
    let packages = metadata["packages"].as_array().unwrap();
    let own = packages
        .iter()
        .find(|package| package["name"] == "deploy-action")
        .unwrap();
    for dependency in own["dependencies"].as_array().unwrap() {
        let name = dependency["name"].as_str().unwrap();
        assert!(
            dependency["kind"] == "dev" || listed.contains_key(name),
            "docs/dependencies.md does not list {name}"
        );
    }
    for (name, address) in &listed {
        let of_crate = packages.iter().find(|package| {
            let repository = package["repository"].as_str().unwrap_or_default();
            let of_name = package["name"] == name.as_str()
                || package["name"] == format!("rustls-{name}").as_str();
            of_name && repository.trim_end_matches(".git") == address
        });
        assert!(of_crate.is_some(), "{name} is not at {address}");
    }
}
