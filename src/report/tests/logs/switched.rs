//! Runs that end badly after the switch.

use super::*;

#[test]
fn rolled_back() {
    let mut run = Run::switched(Page::Actions, Some(OLD)).without_beginning();
    broken(&mut run);
    run.attempts(1..=2, &HealthAnswer::Healthy { status: 200 });
    insta::assert_snapshot!(run.end(verdict(Outcome::RolledBack, Some(OLD), failed(Step::Verify, unhealthy(down())))), @r#"
    ::group::verify: health checks
    attempt 1: health refused the connection: no process listens there
    attempt 3: health answered 500 with “no database”
    attempt 10: health answered 500 with “no database”
    ::endgroup::
    ✗ verify              3.9 s   FAILED: health answered 500
    ::group::journal of diting (6 lines)
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ KeyError
    │ z
    ::endgroup::
    ::group::roll back: health checks
    attempt 1: health answered 200
    ::endgroup::
    ✓ roll back           0.9 s   health answered 200
    ::error title=diting on web1.example%3A deployment rolled back::1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min)%0A1762147685 is live and healthy again%0Athe app's log shows why; on the server, as root:%0A  sudo journalctl --no-pager -u diting --since '2025-11-03 05:33:19 UTC' --until '2025-11-03 05:33:41 UTC'
    rolled-back: diting on web1.example; 1762147685 is live and healthy again; 1762147999 failed to verify; interruption: 4.6 s; 21.4 s
    "#);
}

#[test]
fn rollback_failed() {
    let mut run = Run::switched(Page::Actions, Some(OLD)).without_beginning();
    broken(&mut run);
    run.attempts(1..=2, &HealthAnswer::Refused);
    let rollback = failed(Step::RollBack, exited(203));
    let verdict = verdict(
        Outcome::RollbackFailed,
        Some(OLD),
        failed(Step::Verify, unhealthy(down())),
    );
    insta::assert_snapshot!(run.end(Verdict { rollback, ..verdict }), @r"
    ::group::verify: health checks
    attempt 1: health refused the connection: no process listens there
    attempt 3: health answered 500 with “no database”
    attempt 10: health answered 500 with “no database”
    ::endgroup::
    ✗ verify              3.9 s   FAILED: health answered 500
    ::group::journal of diting (6 lines)
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ KeyError
    │ z
    ::endgroup::
    ::group::roll back: health checks
    attempt 1: health refused the connection: no process listens there
    ::endgroup::
    ✗ roll back           0.9 s   FAILED: health refused the connection: no process listens there
    ::error title=diting on web1.example%3A rollback failed::1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min)%0Ausers are not served: current is 1762147685, but not healthy: the unit's process on the server ended: exit-code, exit status 203; manual intervention required on web1.example%0Anow, on web1.example as deploy: point current to the old release, restart the service, and see whether it runs:%0A  cd /opt/diting && ln -sfn releases/1762147685 current.new && mv -T current.new current%0A  sudo -n systemctl restart diting%0A  systemctl status diting%0Aits log, as root:%0A  sudo journalctl -u diting -n 50 --no-pager%0Ato check its health, or to roll back further: https://github.com/diting/deploy-action/blob/main/docs/troubleshooting.md#on-the-server%0A203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script:%0A  systemctl cat diting
    rollback-failed: diting on web1.example; users are not served: current is 1762147685, but not healthy; manual intervention required on web1.example; 1762147999 failed to verify; 21.4 s
    ");
}

#[test]
fn failed_first_deployment() {
    let mut run = Run::switched(Page::Actions, None).without_beginning();
    broken(&mut run);
    let verdict = verdict(
        Outcome::Failed,
        None,
        failed(Step::Verify, unhealthy(down())),
    );
    insta::assert_snapshot!(run.end(Verdict { previous: None, ..verdict }), @r"
    ::group::verify: health checks
    attempt 1: health refused the connection: no process listens there
    attempt 3: health answered 500 with “no database”
    attempt 10: health answered 500 with “no database”
    ::endgroup::
    ✗ verify              3.9 s   FAILED: health answered 500
    ::group::journal of diting (6 lines)
    │ INFO: started
    │ Traceback (most recent call last):
    │ ##\[error]x
    │ ::set-output name=a::b
    │ KeyError
    │ z
    ::endgroup::
    ✓ roll back           0.3 s
    ::error title=diting on web1.example%3A deployment failed::1762147999 failed to verify (health answered 500 with “no database” after 30 attempts in 1 min)%0Ano release to roll back to, and no release is live%0Athe app's log shows why; on the server, as root:%0A  sudo journalctl --no-pager -u diting --since '2025-11-03 05:33:19 UTC' --until '2025-11-03 05:33:41 UTC'
    failed: diting on web1.example; no release to roll back to, and no release is live; 1762147999 failed to verify; 21.4 s
    ");
}

#[test]
fn unknown() {
    let mut run = Run::switched(Page::Actions, Some(OLD)).without_beginning();
    run.attempts(1..=1, &HealthAnswer::Refused);
    let error = RunError::ConnectionLost {
        finished_by: Some(1_762_148_300),
    };
    insta::assert_snapshot!(run.cut(by_error(Outcome::Unknown, Some(error))), @"
    ::group::verify: health checks
    attempt 1: health refused the connection: no process listens there
    ::endgroup::
    ✗ verify                      result unknown: health refused the connection: no process listens there
    ::error title=diting on web1.example%3A result unknown::the connection was lost before the server finished%0Aweb1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one%0Aafter that time the next run reports how it ended; on the server:%0A  readlink /opt/diting/current /opt/diting/previous
    unknown: diting on web1.example; web1.example finishes on its own by 2025-11-03 05:38:20 UTC: on the new release if it is healthy, otherwise on the old one; 12.3 s
    ");
}
