//! What a server shows of a start that failed.

use crate::run::{COMMIT, NEW, OLD, OLD_COMMIT};
use deploy_action::protocol::{Diagnostic, DiagnosticOrigin};

/// A process that ends at its first import, whose path is as long as they are.
pub(crate) const TRACEBACK: &str = "\
INFO:     Started server process [4711]
INFO:     Waiting for application startup.
Traceback (most recent call last):
  File \"/opt/diting/releases/1795491653/.venv/lib/python3.13/site-packages/uvicorn/protocols/websockets/websockets_impl_auto.py\", line 78, in run
    return asyncio.run(self.serve(sockets=sockets), debug=self.config.use_colors, loop_factory=self.config.get_loop_factory())
  File \"/opt/diting/releases/1795491653/.venv/lib/python3.13/site-packages/uvicorn/server.py\", line 65, in run
    return asyncio.run(self.serve(sockets=sockets))
  File \"/opt/diting/releases/1795491653/.venv/lib/python3.13/site-packages/uvicorn/importer.py\", line 22, in import_from_string
    module = importlib.import_module(module_str)
  File \"/opt/diting/releases/1795491653/src/endpoints/wechat/webhook_app.py\", line 1, in <module>
    import httpx_missing
ModuleNotFoundError: No module named 'httpx_missing'
";

/// A process that runs, without what it needs.
pub(crate) const NO_DATABASE: &str = "\
INFO:     Started server process [4711]
INFO:     Waiting for application startup.
INFO:     Application startup complete.
INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)
WARNING:  pool: connection to postgresql://diting@db-1.internal.example:5432/diting?application_name=diting&connect_timeout=3 failed, next attempt in 0.5 s
ERROR:    pool: connection to db-1.internal.example (10.0.3.17), port 5432 failed: FATAL: database \"diting\" does not exist
INFO:     127.0.0.1:51234 - \"GET /health HTTP/1.1\" 500 Internal Server Error
ERROR:    pool: connection to db-1.internal.example (10.0.3.17), port 5432 failed: FATAL: database \"diting\" does not exist
INFO:     127.0.0.1:51240 - \"GET /health HTTP/1.1\" 500 Internal Server Error
";

fn look(title: &str, origin: DiagnosticOrigin, text: &str) -> Diagnostic {
    Diagnostic {
        title: title.into(),
        origin,
        text: text.into(),
    }
}

/// All of it, with this log, state of the unit and answer.
pub(crate) fn looks(log: &str, active: &str, answer: &str) -> Vec<Diagnostic> {
    let status = format!(
        "● diting.service - The Diting Application\n     Loaded: loaded (/etc/systemd/system/diting.service; enabled; preset: enabled)\n     \
         Active: {active}\n   Main PID: 4711 (uvicorn)\n"
    );
    vec![
        look("log of diting, this start", DiagnosticOrigin::Log, log),
        look("systemctl status diting", DiagnosticOrigin::System, &status),
        look(
            "health response of localhost:8000/health",
            DiagnosticOrigin::Application,
            answer,
        ),
        look(
            "releases, newest first",
            DiagnosticOrigin::System,
            &format!("{NEW}  complete  {COMMIT}  current\n{OLD}  good  {OLD_COMMIT}\n"),
        ),
        look(
            "df -h",
            DiagnosticOrigin::System,
            "Filesystem      Size  Used Avail Use% Mounted on\n/dev/vda1        40G   33G  7.0G  83% /\n",
        ),
        look(
            "uname -a",
            DiagnosticOrigin::System,
            "Linux web1 6.1.0-26-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.112-1 (2024-09-30) x86_64 GNU/Linux\n",
        ),
    ]
}
