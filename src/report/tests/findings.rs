//! The pages about what must be fixed first.

use super::*;
use crate::protocol::{Finding, Outcome, Reason, RunEvent, Step};
use crate::report::{invalid_summary, issue_text, summary, BadInput, Job, RawLogs, Report};
use crate::settings::INPUTS;
use crate::text::{Prose, Redactor};

/// The summary of a run whose check found this, without its heading and its facts.
fn page(found: Vec<Finding>) -> String {
    let mut report = Report::default();
    report.on(&RunEvent::Planned(Box::new(planned())));
    let failure = failed(Step::Check, Reason::NotReady(found));
    let end = by_verdict(verdict(Outcome::NotReady, Some(OLD), failure));
    report.on(&RunEvent::Ended(Box::new(end)));
    let page = summary(&report, &Job::default(), &Redactor::default());
    let from = page.find("### 1.").unwrap();
    let to = page.rfind("\n```\n").unwrap();
    page[from..to + 5].to_owned()
}

/// The findings of this kind, of which there is one of each.
fn some(is_wanted: impl Fn(&Finding) -> bool) -> Vec<Finding> {
    findings().into_iter().filter(|it| is_wanted(it)).collect()
}

#[test]
fn findings_are_numbered_each_with_its_evidence_and_its_commands() {
    let mut found = some(|it| matches!(it, Finding::Sudo { .. } | Finding::Shared { .. }));
    // the first of each kind
    found.remove(1);
    found.truncate(3);
    insta::assert_snapshot!(page(found), @r#"
    ### 1. `deploy` may not run `sudo -n systemctl restart diting`

    ```text
    sudo: a password is required
    ```

    **What to do:** On the server's console, as root:

    ```sh
    new=$(mktemp) && \
      { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; \
      echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; \
      } >"$new" && \
      sudo visudo -cf "$new" && \
      sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ```

    ### 2. `shared/config/wechat.yaml` is missing

    ```text
    /opt/diting/shared/config/wechat.yaml is missing
    ```

    **What to do:** Create it on the server, as the deploy user, readable for the service; or remove it from the input shared:

    ```sh
    mkdir -p /opt/diting/shared/config
    vi /opt/diting/shared/config/wechat.yaml
    ```

    ### 3. `shared/it's uploads` is missing and cannot be created

    ```text
    /opt/diting/shared/it's uploads is missing, and deploy cannot create it in /opt/diting/shared: Permission denied
    ```

    **What to do:** Create it for the deploy user; on the server's console, as root:

    ```sh
    sudo install -d -o deploy '/opt/diting/shared/it'\''s uploads'
    ```
    "#);
}

#[test]
fn every_finding_has_a_heading_of_its_own() {
    let all = findings();
    let page = page(all.clone());
    let headings: Vec<&str> = page.lines().filter(|it| it.starts_with("### ")).collect();
    for (at, heading) in headings.iter().take(all.len()).enumerate() {
        assert!(
            heading.starts_with(&format!("### {}. ", at + 1)),
            "{heading}"
        );
    }
    assert!(headings.len() >= all.len());
    assert!(
        page.matches("**What to do:** ").count() >= all.len() - 1,
        "{page}"
    );
}

#[test]
fn a_command_fits_its_box_unless_it_is_one_word() {
    let page = page(findings());
    let blocks = page.split("```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap_or_default().lines());
    let long: Vec<&str> = lines
        .filter(|line| line.chars().count() > 76 && line.trim().split(' ').count() > 2)
        .filter(|line| !line.contains('\''))
        .collect();
    assert_eq!(long, [""; 0]);
}

#[test]
fn a_sudoers_line_is_checked_before_it_is_in_place() {
    for found in some(|it| matches!(it, Finding::Sudo { .. })) {
        let page = page(vec![found]);
        let check = page.find("visudo -cf \"$new\"").unwrap();
        let install = page
            .find("install -m 0440 \"$new\" /etc/sudoers.d/")
            .unwrap();
        assert!(
            check < install && !page.contains(">/etc") && !page.contains("tee"),
            "{page}"
        );
    }
}

#[test]
fn a_problem_with_an_input_links_its_description() {
    let docs = include_str!("../../../docs/inputs.md");
    for input in INPUTS.iter() {
        let problem = BadInput {
            name: input.name.to_owned(),
            is_input: true,
            value: None,
            what: "is required".into(),
            fix: "Give it.".into(),
        };
        let page = invalid_summary(&[problem], None, &Redactor::default());
        let name = input.name;
        let link = format!(
            "### 1. [`{name}`](https://github.com/diting/deploy-action/blob/main/docs/inputs.md#input-{name}) is required\n"
        );
        assert!(page.contains(&link), "{page}");
        assert!(
            docs.contains(&format!("<a id=\"input-{name}\"></a>")),
            "{name}"
        );
    }
}

#[test]
fn a_flag_is_no_input_and_a_value_is_a_text() {
    let problem = BadInput {
        name: "--hots".to_owned(),
        is_input: false,
        value: Some("\"```\\n@a\"".to_owned()),
        what: Prose::of("is unknown: {}", [&"@b"]),
        fix: "Did you mean `--host`?".into(),
    };
    let page = invalid_summary(&[problem], Some("a@b on [x]"), &Redactor::default());
    insta::assert_snapshot!(page, @r#"
    ## ❌ `a@b` on `[x]`: invalid inputs – nothing was contacted

    The server still runs what it ran before.

    ### 1. `--hots` is unknown: `@b`

    ````text
    --hots: "```\n@a"
    ````

    **What to do:** Did you mean `--host`?
    "#);
}

#[test]
fn of_too_many_findings_the_first_ones_are_shown() {
    let finding = |n: u32| Finding::Target {
        path: format!("/opt/{n}"),
        user: "deploy".into(),
        error: "x".repeat(900),
    };
    let failure = failed(
        Step::Check,
        Reason::NotReady((1..2000).map(finding).collect()),
    );
    let end = by_verdict(verdict(Outcome::NotReady, Some(OLD), failure));
    let mut report = Report::default();
    report.on(&RunEvent::Planned(Box::new(planned())));
    report.on(&RunEvent::Ended(Box::new(end)));
    let (job, redactor) = (Job::default(), Redactor::default());
    let issue = issue_text(&report, &job, RawLogs::Show, &redactor).unwrap();
    for (text, most) in [
        (summary(&report, &job, &redactor), 1 << 20),
        (issue.body, 1 << 16),
    ] {
        assert!(text.len() < most, "{}", text.len());
        assert!(
            text.contains("\n### 1. ") && text.contains("\n### 9. "),
            "{text}"
        );
        assert!(!text.contains("\n### 1999. "));
        assert!(text.contains("the rest is omitted"));
    }
}
