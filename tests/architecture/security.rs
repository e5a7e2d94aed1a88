//! The table of SECURITY.md names tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

fn texts(folder: &Path, found: &mut String) {
    let entries: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    for path in entries {
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_promise_names_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let mut code = String::new();
    texts(&root.join("src"), &mut code);
    texts(&root.join("tests"), &mut code);
    let table = page.split_once("| tests |").unwrap().1;
    let rows: Vec<&str> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert!(rows.len() > 5, "{rows:?}");
    let cells = rows
        .iter()
        .filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let names: Vec<&str> = names.filter(|name| name.len() > 20).collect();
    assert!(names.len() > rows.len(), "{names:?}");
    for name in names {
        assert!(
            code.contains(&format!("fn {name}(")),
            "no test is called {name}"
        );
    }
}
