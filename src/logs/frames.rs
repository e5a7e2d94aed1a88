//! Where a crash comes from, by the frames below its first line. Line numbers and folders do not count: they differ from
//! release to release.

use super::normal::Normaliser;

/// The code that is not the application's own.
const LIBRARIES: [&str; 7] = [
    "site-packages/",
    "dist-packages/",
    "/lib/python",
    "/lib64/python",
    "<frozen ",
    "/usr/lib/",
    "node_modules/",
];
/// Functions below which Go's own code calls the application's.
const GO_RUNTIME: [&str; 5] = ["runtime.", "runtime/", "panic(", "net/http.", "internal/"];

/// The function in which it happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The file's name and the function's, normalised.
    pub(crate) function: String,
    /// The line of source code, if the log shows it.
    pub(crate) source: String,
}

/// The frames of one traceback, read line by line.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The innermost frame, and the innermost one of the application's own code.
    last: Option<Place>,
    own: Option<Place>,
    /// The line below the frame is its source code.
    before_source: bool,
    last_is_own: bool,
}

impl Frames {
    /// Reads a line between the first line and the exception.
    pub(crate) fn read_python(&mut self, line: &str, normaliser: &Normaliser) {
        let text = line.trim_start_matches([' ', '\t', '|']);
        if let Some((file, function)) = python_frame(text) {
            let name = file.rsplit('/').next().unwrap_or(file);
            self.last_is_own = !LIBRARIES.iter().any(|part| file.contains(part));
            self.add(Place {
                function: normaliser.normal(&format!("{name} {function}")),
                source: String::new(),
            });
            self.before_source = true;
        } else if std::mem::take(&mut self.before_source) {
            let source = normaliser.normal(text);
            let own = self.own.as_mut().filter(|_| self.last_is_own);
            for place in self.last.as_mut().into_iter().chain(own) {
                place.source.clone_from(&source);
            }
        }
    }

    /// Reads a line of a dump of goroutines. Returns whether it is one.
    pub(crate) fn read_go(&mut self, line: &str, normaliser: &Normaliser) -> bool {
        if let Some(name) = go_function(line) {
            if self.own.is_none() {
                self.last_is_own = !GO_RUNTIME.iter().any(|part| line.starts_with(part));
                self.add(Place {
                    function: normaliser.normal(name),
                    source: String::new(),
                });
            }
            return true;
        }
        line.is_empty()
            || line.starts_with(['\t', '['])
            || line.starts_with("goroutine ") && line.ends_with("]:")
            || line.starts_with("created by ")
            || line.starts_with("exit status ")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    fn add(&mut self, place: Place) {
        if self.last_is_own {
            self.own = Some(place.clone());
        }
        self.last = Some(place);
    }

    pub(crate) fn place(self) -> Place {
        self.own.or(self.last).unwrap_or_default()
    }
}

/// The function of `main.(*shop).cart(0xc000012, {0x7, 0x8})`.
fn go_function(line: &str) -> Option<&str> {
    let (name, _) = line.strip_suffix(')')?.rsplit_once('(')?;
    let is_name = !name.contains(char::is_whitespace) && (name.contains('.') || name == "panic");
    is_name.then_some(name)
}

/// File and function of `File "app.py", line 12, in start`.
fn python_frame(text: &str) -> Option<(&str, &str)> {
    let (file, rest) = text.strip_prefix("File \"")?.split_once("\", line ")?;
    let function = rest
        .split_once(", in ")
        .map_or("", |(_, function)| function);
    Some((file, function))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Place {
        let (normaliser, mut frames) = (Normaliser::new().unwrap(), Frames::default());
        for line in text.lines() {
            frames.read_python(line, &normaliser);
        }
        frames.place()
    }

    #[test]
    fn a_traceback_comes_from_the_innermost_function_of_the_application() {
        let text = "  File \"/opt/x/releases/1795894387/app.py\", line 2, in <module>
    start()
    ^^^^^^^
  File \"/opt/x/releases/1795894387/db.py\", line 12, in start
    connect(url)
  File \"/opt/x/releases/1795894387/.venv/lib/python3.11/site-packages/pg/core.py\", line 7, in connect
    raise Error";
        let expected = Place {
            function: "db.py start".to_owned(),
            source: "connect(url)".to_owned(),
        };
        assert_eq!(place(text), expected);
        let library = "  File \"/usr/lib/python3.11/json/decoder.py\", line 355, in raw_decode\n    raise x from None";
        assert_eq!(place(library).function, "decoder.py raw_decode");
        assert_eq!(place("no frame\n"), Place::default());
    }

    #[test]
    fn a_panic_comes_from_the_function_that_is_not_gos_own() {
        let (normaliser, mut frames) = (Normaliser::new().unwrap(), Frames::default());
        let text = "[signal SIGSEGV: segmentation violation]\n\ngoroutine 19 [running]:
net/http.(*conn).serve.func1()
\t/usr/local/go/src/net/http/server.go:1903 +0xbe
panic({0x6a3c20?, 0x8e9d30?})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
main.(*shop).cart(0xc000012, {0x7, 0x8})
\t/opt/x/main.go:12 +0x1d
main.other()";
        for line in text.lines() {
            assert!(frames.read_go(line, &normaliser), "{line}");
        }
        assert_eq!(frames.place().function, "main.(*shop).cart");
        assert!(!Frames::default().read_go("2026/11/28 listening on :8080", &normaliser));
    }
}
