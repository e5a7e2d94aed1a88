//! Each rule fails where it is broken.

use crate::modules::Sources;
use crate::rules::{full_folders, House, MayKnow};

/// A crate of two rooms, `a` and `b`; `a` has the modules `a::one` and `a::two`.
fn crate_with(files: &[(&str, &str)]) -> Sources {
    let usual = [
        ("lib.rs", "//! x\nmod a;\nmod b;"),
        ("a/mod.rs", "//! x\nmod one;\nmod two;"),
        ("a/one.rs", "//! x\npub(crate) struct One;"),
        ("a/two.rs", "//! x\npub(crate) fn two() {}"),
        (
            "b.rs",
            "//! x\npub(crate) mod deep;\npub(crate) struct B;\npub(crate) fn f() {}",
        ),
        ("b/deep.rs", "//! x\npub(crate) enum Deep { D }"),
    ];
    let all = usual.iter().chain(files);
    all.map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
        .collect()
}

fn house(files: &[(&str, &str)]) -> House {
    House::new(&crate_with(files))
}

const STRICT: MayKnow<'_> = &[("a", &[]), ("b", &[])];

/// Whether `a` is seen to know `b` by what stands in `a/one.rs`.
fn is_seen(text: &str) -> bool {
    let house = house(&[("a/one.rs", text)]);
    let offences = house.strangers("", STRICT);
    assert!(offences.len() <= 1, "{offences:?}");
    offences
        .iter()
        .any(|offence| offence.starts_with("a must not know b: a::one uses b"))
}

#[test]
fn every_form_of_a_use_is_seen() {
    for text in [
        "use crate::b;",
        "use crate::b::B;",
        "use crate::{a::two, b::{deep::{self, Deep}}};",
        "use crate::{b as c};",
        "use crate::b::*;",
        "use crate::b::deep::{Deep as D};",
        "use super::super::b::B;",
        "use super::{super::b};",
        "pub(crate) use crate::b::B;",
        "use crate as house; use house::b::B;",
        "fn f() { use crate::b::f; f() }",
    ] {
        assert!(is_seen(text), "{text}");
    }
}

#[test]
fn paths_in_code_and_in_types_are_seen() {
    for text in [
        "fn f() { crate::b::f() }",
        "fn f() { super::super::b::f() }",
        "fn f(x: &crate::b::B) {}",
        "fn f() -> Vec<Option<crate::b::deep::Deep>> { vec![] }",
        "struct S { x: crate::b::B }",
        "impl From<crate::b::B> for u8 {}",
        "fn f() { g(|x| match x { crate::b::deep::Deep::D => {} }) }",
        "fn f() { println!(\"{}\", if x { crate::b::f() } else { [1] }) }",
        "fn f() { assert!(matches!(x, super::super::b::deep::Deep::D)) }",
        "#[derive(Deserialize)] struct S { #[serde(with = \"crate::b::deep\")] x: u8 }",
        "fn f() -> impl Iterator<Item = crate::b::B> {}",
        "impl S { fn f(&self) { let x: crate::b::B; } }",
    ] {
        assert!(is_seen(text), "{text}");
    }
}

#[test]
fn what_belongs_to_a_test_or_to_another_crate_does_not_count() {
    for text in [
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] use crate::b::B;",
        "#[cfg(test)] fn f(x: crate::b::B) {}",
        "struct S; impl S { #[cfg(test)] fn f(x: crate::b::B) {} }",
        "#[test] fn f() { crate::b::f() }",
        "use b::B;",
        "use std::b::f; fn g() { f() }",
        "fn f(b: u8) -> u8 { b }",
        "fn f() { x.b.f(); x.b::<u8>() }",
        "fn f() -> String { \"crate::b::f\".into() }",
        "/// As [`crate::b::B`].\nstruct S;",
        "use super::two::two; fn f() { two() }",
    ] {
        let text = format!("//! x\n{text}");
        let tests = [("a/one/tests.rs", "")];
        let house = house(&[&[("a/one.rs", text.as_str())], &tests[..]].concat());
        assert_eq!(house.strangers("", STRICT), [""; 0], "{text}");
    }
}

#[test]
fn a_permission_that_nobody_uses_and_a_room_without_a_rule_are_found() {
    let house = house(&[("a/one.rs", "use crate::b::B;")]);
    assert_eq!(house.strangers("", &[("a", &["b"]), ("b", &[])]), [""; 0]);
    assert_eq!(
        house.strangers("", &[("a", &["b"]), ("b", &["a"])]),
        ["b does not know a: unlist it"]
    );
    assert_eq!(
        house.strangers("", &[("a", &["b"]), ("c", &[])]),
        [
            "b has no rule, or does not exist",
            "c has no rule, or does not exist"
        ]
    );
}

#[test]
fn wings_are_rooms_in_a_room() {
    let house = house(&[("a/one.rs", "use super::two::two;")]);
    assert_eq!(
        house.strangers("a", &[("one", &[]), ("two", &[])]),
        ["one must not know two: a::one uses a::two"]
    );
}

#[test]
fn what_a_face_shows_belongs_to_the_module_that_defines_it() {
    let face = ("a/mod.rs", "mod one;\nmod two;\npub(crate) use one::One;");
    for two in [
        "use super::One;",
        "use crate::a::{One as Other};",
        "use super::*; fn f(x: One) {}",
    ] {
        let house = house(&[face, ("a/two.rs", two)]);
        assert_eq!(
            house.strangers("a", &[("one", &[]), ("two", &[])]),
            ["two must not know one: a::two uses a::one"],
            "{two}"
        );
        assert_eq!(house.circles(), [""; 0], "{two}");
    }
}

#[test]
fn circles_are_found_whatever_their_length() {
    let two = house(&[
        ("a/one.rs", "use super::two::two;"),
        ("a/two.rs", "fn f() { crate::a::one::g() }"),
    ]);
    assert_eq!(two.circles(), ["a::one -> a::two -> a::one"]);
    let three = house(&[
        ("a/one.rs", "use super::two::two;"),
        ("a/two.rs", "use crate::b::B;"),
        ("b.rs", "pub mod deep; pub struct B(crate::a::one::One);"),
    ]);
    assert_eq!(three.circles(), ["a::one -> a::two -> b -> a::one"]);
}

#[test]
fn a_parent_and_its_child_that_use_each_other_are_a_circle() {
    let child = ("a/one.rs", "pub fn one(x: super::Of) {}");
    let declares = (
        "a/mod.rs",
        "mod one; mod two; pub use one::one; pub struct Of;",
    );
    assert_eq!(house(&[child, declares]).circles(), [""; 0]);
    let calls = (
        "a/mod.rs",
        "mod one; mod two; use one::one; pub struct Of; fn f() { one(Of) }",
    );
    assert_eq!(house(&[child, calls]).circles(), ["a -> a::one -> a"]);
}

#[test]
fn methods_that_another_module_adds_are_found() {
    let text = "use super::one::One; impl One { fn f() {} }";
    let house = house(&[("a/two.rs", text)]);
    assert_eq!(
        house.scattered_impls(),
        ["a::two adds to One, which a::one defines"]
    );
}

#[test]
fn a_folder_counts_its_own_files() {
    let sources = crate_with(&[]);
    assert_eq!(full_folders(&sources, 3), [""; 0]);
    assert_eq!(full_folders(&sources, 2), ["a has 3 files"]);
}

#[test]
fn a_module_without_a_word_about_itself_is_found() {
    assert_eq!(house(&[]).undocumented(), [""; 0]);
    let house = house(&[("a/two.rs", "/// Of the item.\nfn f() {}\n// x")]);
    assert_eq!(
        house.undocumented(),
        ["a/two.rs says nothing of itself by //!"]
    );
}

#[test]
fn long_files_and_exceptions_without_need_are_found() {
    let house = house(&[("a/one.rs", "//! x\n\n\n\n\n")]);
    assert_eq!(house.long_files(4, &["a/one.rs"]), [""; 0]);
    assert_eq!(house.long_files(4, &[]), ["a/one.rs is too long"]);
    assert_eq!(
        house.long_files(9, &["a/one.rs"]),
        ["a/one.rs is listed without need"]
    );
}

#[test]
fn debug_in_a_format_string_is_found_except_in_a_trace() {
    for text in [
        r#"fn f() { format!("{x:?}") }"#,
        r#"fn f() { write!(f, "{:#?}", x) }"#,
        r#"fn f() { g(vec![Err(format!("it is {:>5?}", x))]) }"#,
        r#"#[derive(Error)] #[error("cannot {0:?}")] struct E(u8);"#,
        r#"fn f() { h(format_args!("{0:02x?}", x)) }"#,
    ] {
        let house = house(&[("a/one.rs", text)]);
        let offences = house.debug_formats();
        assert!(
            offences.concat().starts_with("a/one.rs prints \""),
            "{text}: {offences:?}"
        );
    }
    for text in [
        r#"fn f() { tracing::debug!(?x, "{y:?}") }"#,
        r#"#[cfg(test)] mod tests { fn f() { format!("{x:?}") } }"#,
        r#"fn f() { format!("{x}? a: b?") }"#,
        r#"/// Not `{:?}`."#,
    ] {
        let text = format!("//! x\n{text}\nfn g() {{}}");
        let house = house(&[("a/one.rs", text.as_str())]);
        assert_eq!(house.debug_formats(), [""; 0], "{text}");
    }
}
