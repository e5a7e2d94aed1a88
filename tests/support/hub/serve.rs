//! A connection: every question is checked, answered as planned or as the state says, and written down.

use super::http::{Request, Response, Wire};
use super::{Shared, PREFIX, TOKEN};
use serde_json::{json, Value};
use std::env;
use std::fs::OpenOptions;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// Another answer than the usual one.
#[derive(Debug, Clone)]
pub(crate) enum Script {
    /// This, and nothing is done.
    Say {
        status: u16,
        headers: &'static [(&'static str, &'static str)],
        body: String,
    },
    /// None, and nothing is done.
    Silent,
    /// The connection ends, and nothing is done.
    Cut,
    /// It is done, but there is no answer.
    DoneSilent,
    /// It is done, but the connection ends.
    DoneCut,
    /// It is done, but this is said.
    DoneSay { status: u16, body: String },
}

/// What to do after a question.
enum Next {
    Answer(Response),
    Wait,
    End,
}

pub(super) fn connection(shared: &Arc<Shared>, stream: TcpStream) {
    let Ok(wire) = (shared.accept)(stream) else {
        return;
    };
    let mut wire: BufReader<Box<dyn Wire>> = BufReader::new(wire);
    while let Ok(Some(request)) = Request::read(&mut wire) {
        match next(shared, request) {
            Next::Answer(response) if response.write(wire.get_mut()).is_ok() => {}
            Next::Wait => {
                // until the other end has enough
                let _ = wire.read(&mut [0]);
                return;
            }
            Next::Answer(_) | Next::End => return,
        }
    }
}

fn next(shared: &Shared, mut request: Request) -> Next {
    let complaint = check(shared, &mut request);
    let kind = kind(&request);
    let script = take(shared, &kind);
    let usual = || usual(shared, &request, complaint.clone());
    let (next, status) = match script {
        None => {
            let response = usual();
            let status = response.status.to_string();
            write_down(&request, &response);
            (Next::Answer(response), status)
        }
        Some(script) => scripted(script, usual),
    };
    shared.book().calls.push(format!("{kind} {status}"));
    meet(shared, &kind);
    next
}

/// What the script says, and how the call is recorded. `usual` carries the request out.
fn scripted(script: Script, usual: impl FnOnce() -> Response) -> (Next, String) {
    match script {
        Script::Say {
            status,
            headers,
            body,
        } => {
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            let response = Response {
                status,
                headers,
                body,
            };
            (Next::Answer(response), status.to_string())
        }
        Script::Silent => (Next::Wait, "silent".to_owned()),
        Script::Cut => (Next::End, "cut".to_owned()),
        Script::DoneSilent => (Next::Wait, format!("{}, silent", usual().status)),
        Script::DoneCut => (Next::End, format!("{}, cut", usual().status)),
        Script::DoneSay { status, body } => {
            let done = usual().status;
            let response = Response {
                status,
                headers: Vec::new(),
                body,
            };
            (Next::Answer(response), format!("{done}, said {status}"))
        }
    }
}

/// `POST /issues`: without what is always the same.
fn kind(request: &Request) -> String {
    let path = request.target.split('?').next().unwrap();
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let rest = path
        .strip_prefix("/repos/diting/app")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path);
    let page = request
        .target
        .split_once("&page=")
        .map(|(_, page)| format!(" {page}"))
        .unwrap_or_default();
    format!("{} {rest}{page}", request.method)
}

fn meet(shared: &Shared, kind: &str) {
    let barrier = {
        let mut book = shared.book();
        let Some(at) = book
            .meetings
            .iter()
            .position(|(of, left, _)| of == kind && *left > 0)
        else {
            return;
        };
        book.meetings[at].1 -= 1;
        Arc::clone(&book.meetings[at].2)
    };
    barrier.wait();
}

fn take(shared: &Shared, kind: &str) -> Option<Script> {
    let mut book = shared.book();
    let at = book.scripts.iter().position(|(of, _)| of == kind)?;
    book.scripts.remove(at).map(|(_, script)| script)
}

fn usual(shared: &Shared, request: &Request, complaint: Option<String>) -> Response {
    let answer = match complaint {
        Some(complaint) => Err(complaint),
        None => shared.state.lock().unwrap().answer(request),
    };
    answer.unwrap_or_else(|complaint| {
        shared.book().complaints.push(format!(
            "{} {}: {complaint}",
            request.method, request.target
        ));
        Response::json(400, &json!({"message": complaint}))
    })
}

/// What is wrong with the headers; a proxy's first line becomes as usual.
fn check(shared: &Shared, request: &mut Request) -> Option<String> {
    if shared.forwarded {
        let path = request
            .target
            .strip_prefix("http://")
            .and_then(|rest| Some(rest[rest.find('/')?..].to_owned()));
        let Some(path) = path else {
            return Some("not by a proxy".to_owned());
        };
        request.target = path;
    }
    let wanted = [
        ("authorization", format!("Bearer {TOKEN}")),
        ("accept", "application/vnd.github+json".to_owned()),
        ("x-github-api-version", "2022-11-28".to_owned()),
    ];
    let wrong = |(name, value): &(&str, String)| request.header(name) != value;
    if let Some((name, _)) = wanted.iter().find(|header| wrong(header)) {
        return Some(format!("{name}: {}", request.header(name)));
    }
    let typed = request.header("content-type") == "application/json";
    let agent = request.header("user-agent").starts_with("deploy-action/");
    (!agent || typed == request.body.is_empty()).then(|| format!("headers: {:?}", request.headers))
}

/// For the comparison with GitHub's description.
fn write_down(request: &Request, response: &Response) {
    let Some(folder) = env::var_os("DEPLOY_ACTION_EXCHANGES") else {
        return;
    };
    let parse = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap_or(Value::Null);
    let exchange = json!({
        "method": request.method,
        "target": request.target.strip_prefix(PREFIX),
        "request": parse(&request.body),
        "status": response.status,
        "response": parse(response.body.as_bytes()),
    });
    let path = Path::new(&folder).join(format!("{}.jsonl", std::process::id()));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    // one write, for others write there too
    file.write_all(format!("{exchange}\n").as_bytes()).unwrap();
}
