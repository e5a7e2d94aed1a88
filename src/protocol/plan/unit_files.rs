//! Unit files in a release: which files they are, and what systemd calls them.

use globset::{GlobBuilder, GlobMatcher};

/// What a unit file's name may end with.
const TYPES: [&str; 6] = ["service", "timer", "socket", "path", "target", "slice"];

/// A unit file of a release, or a drop-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitFile {
    /// Below the release, joined by `/`.
    pub path: String,
    /// Below systemd's folder: `diting.service`, or `diting.service.d/env.conf`.
    pub name: String,
}

impl UnitFile {
    /// The unit file at this path below a release. `None`: systemd reads no file of that name.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let name = match file.ends_with(".conf") {
            true => {
                let folder = folder.rsplit('/').next()?;
                let unit = folder.strip_suffix(".d")?;
                is_unit(unit).then(|| format!("{folder}/{file}"))?
            }
            false => is_unit(file).then(|| file.to_owned())?,
        };
        let path = path.to_owned();
        Some(Self { path, name })
    }

    /// Where systemd has a file at this path below a release, if an administrator added it.
    #[must_use]
    pub fn place(path: &str) -> String {
        let file = Self::at(path);
        let name = file.as_ref().map_or(path, |file| &file.name);
        format!("/etc/systemd/system/{name}")
    }

    /// The full name of the unit that it is of: a template's for its instances.
    #[must_use]
    pub fn unit(&self) -> &str {
        match self.name.split_once('/') {
            Some((folder, _)) => folder.strip_suffix(".d").unwrap_or(folder),
            None => &self.name,
        }
    }

    /// Whether it is a drop-in.
    #[must_use]
    pub fn is_drop_in(&self) -> bool {
        self.name.contains('/')
    }
}

/// Whether systemd takes a file of this name for a unit file, and a shell needs no quotes for it.
fn is_unit(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@-".contains(&byte);
    let parts = name.rsplit_once('.');
    let has_type = |(stem, kind): (&str, &str)| {
        TYPES.contains(&kind) && !stem.is_empty() && !stem.starts_with(['-', '.', '@'])
    };
    name.bytes().all(allowed) && parts.is_some_and(has_type)
}

/// Paths and patterns of unit files.
#[derive(Debug, Clone)]
pub struct UnitPatterns(Vec<GlobMatcher>);

impl UnitPatterns {
    /// From the input `units`.
    ///
    /// # Errors
    /// The pattern that is not valid, and why.
    pub fn new(patterns: &[String]) -> Result<Self, (String, String)> {
        let glob = |pattern: &String| {
            let glob = GlobBuilder::new(pattern).literal_separator(true).build();
            let glob = glob.map_err(|error| (pattern.clone(), error.kind().to_string()))?;
            Ok(glob.compile_matcher())
        };
        patterns
            .iter()
            .map(glob)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// How many of the patterns the path fits, by their positions.
    pub fn fitting<'a>(&'a self, path: &'a str) -> impl Iterator<Item = usize> + 'a {
        let fits = move |(_, glob): &(usize, &GlobMatcher)| glob.is_match(path);
        self.0.iter().enumerate().filter(fits).map(|(at, _)| at)
    }

    /// The unit file at this path, if a pattern fits it.
    #[must_use]
    pub fn unit_file(&self, path: &str) -> Option<UnitFile> {
        self.fitting(path).next()?;
        UnitFile::at(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_file_is_known_by_its_name() {
        let name =
            |path| UnitFile::at(path).map(|file| (file.name.clone(), file.unit().to_owned()));
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(name("deploy/a.service"), pair("a.service", "a.service"));
        assert_eq!(name("w@.service"), pair("w@.service", "w@.service"));
        assert_eq!(
            name("x/a.service.d/env.conf"),
            pair("a.service.d/env.conf", "a.service")
        );
        for other in [
            "deploy/nginx.conf",
            "deploy/x.d/a.conf",
            "a.txt",
            ".service",
            "service",
            "a b.service",
            "-a.service",
            "a.service.d",
        ] {
            assert_eq!(UnitFile::at(other), None, "{other}");
        }
    }

    #[test]
    fn a_star_does_not_stand_for_a_slash() {
        let patterns =
            UnitPatterns::new(&["deploy/*.service".into(), "deploy/a.*".into()]).unwrap();
        assert_eq!(
            patterns.fitting("deploy/a.service").collect::<Vec<_>>(),
            [0, 1]
        );
        assert!(patterns.unit_file("deploy/sub/a.service").is_none());
        assert!(patterns.unit_file("a.service").is_none());
        assert!(UnitPatterns::new(&["deploy/[".into()]).is_err());
    }
}
