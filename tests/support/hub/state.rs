//! The repository `diting/app`, and what may be done with it.

use super::answers;
use super::http::{Request, Response};
use super::PREFIX;
use serde_json::{json, Value};

/// Whose the token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// A job.
    Job,
    /// A person of this login.
    Person(&'static str),
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<String>,
    /// None: the account is gone.
    pub(crate) author: Option<(String, &'static str)>,
    pub(crate) association: &'static str,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) is_pull_request: bool,
    pub(crate) comments: Vec<Comment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) author: String,
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) port: u16,
    pub(crate) who: Who,
    pub(crate) may_write: bool,
    pub(crate) may_make_labels: bool,
    pub(crate) has_issues: bool,
    pub(crate) is_archived: bool,
    pub(crate) visibility: &'static str,
    pub(crate) issues: Vec<Issue>,
    pub(crate) labels: Vec<String>,
    pub(crate) people: Vec<&'static str>,
}

/// How a question is answered, or what about it nobody should ask.
pub(super) type Answered = Result<Response, String>;

impl State {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            who: Who::Job,
            may_write: true,
            may_make_labels: true,
            has_issues: true,
            is_archived: false,
            visibility: "public",
            issues: Vec::new(),
            labels: vec!["bug".to_owned()],
            people: vec!["alice", "bob"],
        }
    }

    /// Adds an open issue as its author did.
    pub(crate) fn add(
        &mut self,
        author: &str,
        kind: &'static str,
        association: &'static str,
        body: &str,
    ) -> &mut Issue {
        let number = self.issues.len() as u64 + 1;
        self.issues.push(Issue {
            number,
            title: "something".to_owned(),
            body: Some(body.to_owned()),
            labels: Vec::new(),
            assignees: Vec::new(),
            author: Some((author.to_owned(), kind)),
            association,
            state: "open".to_owned(),
            reason: None,
            is_pull_request: false,
            comments: Vec::new(),
        });
        self.issues.last_mut().unwrap()
    }

    pub(crate) fn issue(&self, number: u64) -> &Issue {
        &self.issues[number as usize - 1]
    }

    pub(crate) fn open(&self) -> Vec<u64> {
        self.issues
            .iter()
            .filter(|issue| issue.state == "open")
            .map(|issue| issue.number)
            .collect()
    }

    fn author(&self) -> (String, &'static str, &'static str) {
        match self.who {
            Who::Job => ("github-actions[bot]".to_owned(), "Bot", "CONTRIBUTOR"),
            Who::Person(login) => (login.to_owned(), "User", "MEMBER"),
        }
    }

    pub(super) fn answer(&mut self, request: &Request) -> Answered {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let path = path.strip_prefix(PREFIX).ok_or("outside of the API")?;
        if path == "/user" && request.method == "GET" {
            return Ok(self.user());
        }
        let rest = path
            .strip_prefix("/repos/diting/app")
            .ok_or("another repository")?;
        let parts: Vec<&str> = rest.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", []) => Ok(answers::repository(self)),
            ("GET", ["issues"]) => self.list(query),
            ("POST", ["labels"]) => self.make_label(&body(request, &["name", "color"])?),
            ("POST", ["issues"]) => {
                self.create(&body(request, &["title", "body", "labels", "assignees"])?)
            }
            ("POST", ["issues", number, "comments"]) => {
                self.comment(number, &body(request, &["body"])?)
            }
            ("PATCH", ["issues", number]) => {
                self.change(number, &body(request, &["state", "state_reason"])?)
            }
            _ => Err("no such route".to_owned()),
        }
    }

    fn user(&self) -> Response {
        match self.who {
            Who::Person(login) => answers::user(login),
            Who::Job => answers::refusal(403, "Resource not accessible by integration", &[]),
        }
    }

    /// The newest first, a hundred a page, pull requests among them.
    fn list(&self, query: &str) -> Answered {
        let (known, page) = query
            .split_once("&page=")
            .map_or((query, 1), |(known, page)| (known, page.parse().unwrap()));
        if known != "state=open&sort=created&direction=desc&per_page=100" {
            return Err(format!("an unusual query: {query}"));
        }
        if !self.has_issues {
            return Ok(answers::refusal(
                410,
                "Issues has been disabled in this repository.",
                &[],
            ));
        }
        let open: Vec<&Issue> = self
            .issues
            .iter()
            .rev()
            .filter(|issue| issue.state == "open")
            .collect();
        let shown: Vec<Value> = open
            .iter()
            .skip((page - 1) * 100)
            .take(100)
            .map(|it| answers::issue(self, it))
            .collect();
        let response = Response::json(200, &Value::from(shown));
        // by the repository's number and under a name that is not ours: the token must not go there
        let next = format!(
            "<https://github.invalid{PREFIX}/repos/diting/app/issues?{known}&page={}>",
            page + 1
        );
        Ok(if open.len() > page * 100 {
            response.with("Link", &format!("{next}; rel=\"next\""))
        } else {
            response
        })
    }

    fn write_refused(&self) -> Option<Response> {
        match self {
            Self {
                is_archived: true, ..
            } => Some(answers::refusal(
                403,
                "Repository was archived so is read-only.",
                &[],
            )),
            Self {
                may_write: false, ..
            } => Some(answers::refusal(
                403,
                "Resource not accessible by integration",
                &[],
            )),
            _ => None,
        }
    }

    fn has_label(&self, name: &str) -> bool {
        self.labels
            .iter()
            .any(|label| label.eq_ignore_ascii_case(name))
    }

    fn make_label(&mut self, body: &Value) -> Answered {
        let name = body["name"].as_str().ok_or("no name")?;
        Ok(match self.write_refused() {
            Some(refused) => refused,
            None if self.has_label(name) => {
                let error = json!({"resource": "Label", "code": "already_exists", "field": "name"});
                answers::refusal(422, "Validation Failed", &[error])
            }
            None if !self.may_make_labels => {
                answers::refusal(403, "Must have push access to the repository.", &[])
            }
            None => {
                self.labels.push(name.to_owned());
                answers::label(name)
            }
        })
    }

    fn create(&mut self, body: &Value) -> Answered {
        let texts = |field: &str| -> Vec<String> {
            body[field]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect()
        };
        let (labels, assignees) = (texts("labels"), texts("assignees"));
        if let Some(refused) = self.write_refused() {
            return Ok(refused);
        }
        if !self.may_make_labels && labels.iter().any(|label| !self.has_label(label)) {
            let error = json!({"resource": "Repository", "field": "label", "code": "unauthorized"});
            return Ok(answers::refusal(
                403,
                "You do not have permission to create labels on this repository.",
                &[error],
            ));
        }
        if let Some(stranger) = assignees
            .iter()
            .find(|it| !self.people.contains(&it.as_str()))
        {
            let error = json!({"resource": "Issue", "field": "assignees", "code": "invalid", "value": stranger});
            return Ok(answers::refusal(422, "Validation Failed", &[error]));
        }
        let (author, kind, association) = self.author();
        let made = self.add(
            &author,
            kind,
            association,
            body["body"].as_str().ok_or("no body")?,
        );
        made.title = body["title"].as_str().ok_or("no title")?.to_owned();
        (made.labels, made.assignees) = (labels, assignees);
        let made = made.clone();
        Ok(Response::json(201, &answers::issue(self, &made)))
    }

    fn comment(&mut self, number: &str, body: &Value) -> Answered {
        let text = body["body"].as_str().ok_or("no body")?.to_owned();
        if let Some(refused) = self.write_refused() {
            return Ok(refused);
        }
        let (author, ..) = self.author();
        let index = self.index(number)?;
        self.issues[index].comments.push(Comment {
            author,
            body: text.clone(),
        });
        Ok(answers::comment(&self.issues[index], &text))
    }

    fn change(&mut self, number: &str, body: &Value) -> Answered {
        if let Some(refused) = self.write_refused() {
            return Ok(refused);
        }
        let index = self.index(number)?;
        self.issues[index].state = body["state"].as_str().ok_or("no state")?.to_owned();
        self.issues[index].reason = body["state_reason"].as_str().map(str::to_owned);
        Ok(Response::json(
            200,
            &answers::issue(self, &self.issues[index]),
        ))
    }

    fn index(&self, number: &str) -> Result<usize, String> {
        let number: usize = number.parse().map_err(|_| "no number")?;
        (1..=self.issues.len())
            .contains(&number)
            .then(|| number - 1)
            .ok_or_else(|| "no such issue".to_owned())
    }
}

/// The body, if it has no field besides these.
fn body(request: &Request, fields: &[&str]) -> Result<Value, String> {
    let body: Value = serde_json::from_slice(&request.body).map_err(|error| error.to_string())?;
    let object = body.as_object().ok_or("no object")?;
    match object.keys().find(|key| !fields.contains(&key.as_str())) {
        Some(key) => Err(format!("an unknown field: {key}")),
        None => Ok(body),
    }
}
