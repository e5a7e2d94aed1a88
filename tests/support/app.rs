//! The sample application, whole and broken.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const MODULE: &str = "src/endpoints/wechat/webhook_app.py";

const PLAIN: &str = "\
import http.server, os, socket, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f'version VERSION, release {os.path.basename(os.getcwd())}\\n'.encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(http.server.HTTPServer):
    def server_bind(self):
        if os.environ.get('LISTEN_FDS'):
            self.socket = socket.socket(fileno=3)
        else:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)

Server.address_family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
";

/// A source tree of its own; gone when the last clone is.
#[derive(Clone)]
pub(crate) struct App {
    folder: Arc<TempDir>,
    version: String,
}

impl App {
    /// The example, saying that it is of this version.
    pub(crate) fn version(version: &str) -> Self {
        let app = Self {
            version: version.to_owned(),
            ..Self::example("uvicorn")
        };
        app.replace("VERSION = \"1\"", &format!("VERSION = \"{version}\""))
    }

    /// One of the examples as it is.
    pub(crate) fn example(name: &str) -> Self {
        Self::copy_of(&Path::new(EXAMPLES).join(name))
    }

    pub(crate) fn copy_of(original: &Path) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        crate::throwaway::copy_tree(&original.join("."), folder.path());
        Self {
            folder,
            version: "1".to_owned(),
        }
    }

    /// An app of one file, which needs no install.
    pub(crate) fn plain(version: &str) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        fs::write(
            folder.path().join("app.py"),
            PLAIN.replace("VERSION", version),
        )
        .unwrap();
        Self {
            folder,
            version: version.to_owned(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.version
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Changes the module.
    pub(crate) fn replace(self, from: &str, to: &str) -> Self {
        self.replace_in(MODULE, from, to)
    }

    pub(crate) fn replace_in(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in the example");
        fs::write(path, text.replace(from, to)).unwrap();
        self
    }

    /// Python that runs as the module is loaded.
    pub(crate) fn at_start(self, code: &str) -> Self {
        self.replace("VERSION =", &format!("{code}\nVERSION ="))
    }

    /// A file more.
    pub(crate) fn file(self, path: &str, text: &str, mode: u32) -> Self {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// With a file that is too large to be sent unasked.
    pub(crate) fn large(self) -> Self {
        let mut state = 1_u64;
        let mut digit = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            char::from_digit((state >> 60) as u32, 16).unwrap()
        };
        let text: String = (0..400_000).map(|_| digit()).collect();
        self.file("large.txt", &text, 0o644)
    }

    pub(crate) fn import_error(version: &str) -> Self {
        Self::version(version).at_start("import no_module_of_this_name")
    }

    pub(crate) fn exits_after(version: &str, seconds: &str) -> Self {
        Self::version(version).at_start(&format!(
            "import os, threading; threading.Timer({seconds}, os._exit, [3]).start()"
        ))
    }

    pub(crate) fn health_500(version: &str) -> Self {
        Self::version(version).replace(
            "send, 200, \"application/json\", body",
            "send, 500, \"text/plain\", \"no database\"",
        )
    }

    pub(crate) fn health_hangs(version: &str) -> Self {
        Self::version(version)
            .replace("import json", "import asyncio\nimport json")
            .replace(
                "        body = json",
                "        await asyncio.sleep(3600)\n        body = json",
            )
    }
}
