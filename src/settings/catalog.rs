//! Inputs, searched by name.

use super::input::Input;

/// A list of inputs: [`INPUTS`](super::INPUTS), outside of tests.
pub(super) type Catalog = &'static [&'static Input];

/// The input of that name.
pub(super) fn named(catalog: Catalog, name: &str) -> Option<&'static Input> {
    catalog.iter().copied().find(|input| input.name == name)
}

/// The input whose name is nearest, if one is near enough to be meant.
pub(super) fn nearest(catalog: Catalog, name: &str) -> Option<&'static Input> {
    let name = name.to_lowercase().replace('_', "-");
    catalog
        .iter()
        .map(|input| (strsim::jaro_winkler(input.name, &name), *input))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, input)| input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::INPUTS;

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let name = |text| nearest(&INPUTS, text).map(|input| input.name);
        assert_eq!(name("KNOWN_HOST"), Some("known-hosts"));
        assert_eq!(name("hots"), Some("host"));
        assert_eq!(name("helth-url"), Some("health-url"));
        assert_eq!(name("qqq"), None);
    }
}
