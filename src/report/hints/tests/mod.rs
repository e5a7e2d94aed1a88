//! Hints, as people read them.

mod errors;
mod hostile;
mod start;

use super::*;
use crate::protocol::{Failure, Step};
use crate::report::tests::{ends, explained, findings, place, reasons, run_errors, STEPS};

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn a_reason_says_what_to_do() {
    let of = |reason| {
        crate::report::hints::reason(
            &Failure {
                step: Step::Verify,
                reason,
                unit: None,
            },
            &place(),
        )
    };
    let all: Vec<String> = reasons().into_iter().map(|it| of(it).to_string()).collect();
    insta::assert_snapshot!(all.join("\n---\n"), @r#"
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    sudo's option `requiretty` refuses every command without a terminal; for this user it can be switched off, on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'Defaults:deploy !requiretty'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    on the server's console, as root:
      sudo loginctl enable-linger deploy
    on the server's console, as root:
      sudo loginctl enable-linger deploy
    it needs systemd-logind and PAM (package libpam-systemd); on the server's console, as root:
      sudo systemctl status "user@$(id -u deploy).service"
      sudo systemctl restart "user@$(id -u deploy).service"
    a deployment restarts services only
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl stop diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    set the input `scope: user`
    leave out the input scope: then the units are the system's
    install it on the server as the deploy user, in `~/.local/bin`:
      curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
    install it on the server, as root; a program for the deploy user alone belongs in `~/.local/bin`:
      sudo apt-get install make || sudo dnf install make
    free disk space on the server, or lower the input min-free:
      df -h /opt/diting; df -i /opt/diting
    as root:
      sudo du -xsh /opt/diting/releases /var/log
    free disk space on the server, or lower the input min-free:
      df -h /opt/diting; df -i /opt/diting
    as root:
      sudo du -xsh /opt/diting/releases /var/log
    is this the right service, and the right target? ExecStart or WorkingDirectory of the unit must lead to `/opt/diting/current`. If it does so in a way that cannot be seen, set the input health-match with `{release}` or `{sha}`; for a web server that only serves the files, set service: none. Compare:
      systemctl cat diting
    let the restart start a new process (systemctl restart), or let the health response name the release: set the input health-match with `{release}` or `{sha}`
    the target must be on a local file system, not on a network share; on the server:
      findmnt -T /opt/diting
    let systemd read it from the live release, as root; whoever may change a unit that root starts is root:
      sudo ln -sfn /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service
    once it is live, if it has an `[Install]` section, as root:
      sudo systemctl enable diting.service
    let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
      sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
    systemd would lose the unit with that release, which may become the live one. Make it a copy that stays, as root, or deploy its file before you link it:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
      sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl daemon-reload'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    give its group access with these commands on the server, as root, then deploy again:
      sudo chgrp www-data /opt/diting/releases && sudo chmod g+rxs /opt/diting/releases
      sudo install -d -o deploy -g www-data -m 2755 /opt/diting/shared
      sudo chgrp -R www-data '/opt/diting/shared/it'\''s uploads' && sudo chmod -R g+rwX '/opt/diting/shared/it'\''s uploads'
      sudo chgrp www-data /opt/diting/shared/config/wechat.yaml && sudo chmod g+r /opt/diting/shared/config/wechat.yaml
    the deploy user and the users of the unit need a group that has only them as members: https://github.com/diting/deploy-action/blob/main/docs/server.md#if-the-service-runs-as-another-user
    move it while the service is stopped, which users notice; on the server, as root, then deploy again:
      sudo systemctl stop diting
      sudo mkdir /opt/diting/shared/ && sudo chown --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/ && sudo chmod --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/
      sudo mkdir /opt/diting/shared/data && sudo chown --reference=/opt/diting/releases/1762147685/data /opt/diting/shared/data && sudo chmod --reference=/opt/diting/releases/1762147685/data /opt/diting/shared/data
      sudo mv -n /opt/diting/releases/1762147685/data/app.db /opt/diting/releases/1762147685/data/app.db-wal /opt/diting/shared/data/
      sudo ln -s ../../../shared/data/app.db /opt/diting/releases/1762147685/data/app.db
      sudo systemctl start diting
    move it while the service is stopped, which users notice; on the server, as root, then deploy again:
      sudo systemctl stop diting
      sudo mv -T '/opt/diting/shared/it'\''s uploads' '/opt/diting/shared/it'\''s uploads.before'
      sudo mv -nT '/opt/diting/releases/1762147685/it'\''s uploads' '/opt/diting/shared/it'\''s uploads'
      sudo ln -s '../../shared/it'\''s uploads' '/opt/diting/releases/1762147685/it'\''s uploads'
      sudo systemctl start diting
    current must lead to a folder directly in releases. Copy what it leads to, so that there is a rollback target, as root, and deploy again:
      cd /opt/diting && id=$(date +%s) && sudo cp -a current/. releases/$id && sudo ln -sfn releases/$id current
    it must be a link to a folder directly in releases, or not exist; inspect it, and move it away just before you deploy again:
      ls -ld /opt/diting/current
    as root:
      sudo mv /opt/diting/current /opt/diting/current.before
    create it on the server, as the deploy user, readable for the service; or remove it from the input shared:
      mkdir -p /opt/diting/shared/config
      vi /opt/diting/shared/config/wechat.yaml
    create it for the deploy user; on the server's console, as root:
      sudo install -d -o deploy '/opt/diting/shared/it'\''s uploads'
    if the folder is meant, write it in the input shared with a `/` at its end; otherwise move it away on the server:
      ls -ld /opt/diting/shared/config/wechat.yaml
    set `release` to the id of a release that is good, or leave it out: then the previous one is meant
    a release becomes a rollback target once it was live and healthy; deploy one
    the deploy user cannot start anything as another user: let smoke-test start the app as the deploy user, or leave it out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    health-url must have the port on which the app itself listens, as in `http://localhost:8000/health`, not that of a proxy. If the app reads its port from its code or a file, let it use the variable `PORT`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    say where the port belongs, by a command for smoke-test
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    let smoke-test start the app without it, or leave smoke-test out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    let the deploy user read it, or let smoke-test start the app without it
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    leave smoke-test out, or let it start what can stay up for `health-settle`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    wait for that run to end, or cancel it, then run this one again; to make runs wait for each other, give the job a concurrency group
    ---
    wait for that run to end, or cancel it, then run this one again; to make runs wait for each other, give the job a concurrency group
    ---
    free disk space on the server (inodes may be used up, too):
      df -h /opt/diting /tmp; df -i /opt/diting /tmp
    as root:
      sudo du -xsh /opt/diting/releases /var/log
      sudo journalctl --vacuum-time=7d
    ---
    the file system is read-only, often after an error of the disk; on the server:
      findmnt -T /opt/diting/releases/1762147999/app.py
    as root:
      sudo dmesg -T | tail -n 30
    ---
    check the permissions on the server, and give the deploy user what it needs:
      namei -l /opt/diting/releases/1762147999/app.py
    as root:
      sudo chown deploy: /opt/diting/releases/1762147999
    ---
    inspect it on the server:
      namei -l /opt/diting/releases/1762147999/app.py
    ---
    run it again: complete files are kept; if it happens again, it is a bug in deploy-action
    ---
    run it again: what was uploaded is kept
    ---
    check above which step took the time, or raise the input timeout
    ---
    on the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    on the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    on the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    the unit stops or starts too slowly; does the old process react to SIGTERM? On the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    does install create the program (is it a dependency in uv.lock)? Does the unit name the right path? Compare:
      systemctl cat diting
    ---
    set the input `env-file`: its content becomes the `.env` of the release. If the service can do without it, let the unit say so: `EnvironmentFile=-/…`
    what the unit names must be in the repository (is it in `.gitignore`, or in the input exclude?), be created by install, or be named in the input shared. Compare:
      systemctl cat diting
    ---
    fix these files and deploy again; a user or group that is missing must be created on the server first, and a setting that its systemd does not know needs a newer one
    ---
    create it on the server, as the deploy user, readable for the service; or remove it from the input shared:
      mkdir -p /opt/diting/shared/config
      vi /opt/diting/shared/config/wechat.yaml
    ---
    these lines are from the new process; if they are no crash, set the input log-pattern or log-check
    ---
    it crashed too often; first find out why:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    then reset systemd's counter, as root:
      sudo systemctl reset-failed diting && sudo systemctl restart diting
    ---
    its log shows why; most often an import error, a missing dependency or a missing configuration file; on the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script:
      systemctl cat diting
    ---
    200/CHDIR: the unit's WorkingDirectory is not in the new release, or its User may not enter it; compare:
      systemctl cat diting
    ---
    217/USER: the unit's User does not exist on the server; compare:
      systemctl cat diting
    ---
    most likely the server ran out of memory; on the server:
      free -h
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ---
    203/EXEC: the program of ExecStart cannot be run; compare its path, and the first line of a script:
      systemctl cat diting
    ---
    does the input restart name this unit? A reload keeps the old process
    ---
    which Condition… line of the unit is not met? On the server:
      systemctl cat diting
      systemctl status diting
    ---
    during a deployment, no one else may restart or stop the unit or change current; to find out who did:
      last -n 5
    as root:
      sudo journalctl _COMM=sudo -n 20 --no-pager
    ---
    during a deployment, no one else may restart or stop the unit or change current; to find out who did:
      last -n 5
    as root:
      sudo journalctl _COMM=sudo -n 20 --no-pager
    ---
    when the server is up again, run it again; the next run first ends what is pending
    ---
    run it again: the next run first ends what is pending. Who stopped it? On the server, as root:
      sudo journalctl -u "user@$(id -u deploy).service" -n 20 --no-pager
    ---
    this must work on the server for the deploy user:
      systemctl show diting
    ---
    after a reload, many servers keep the folder and the code of the release before: let the input restart start a new process (systemctl restart). Otherwise, does the unit really lead to current? Compare:
      systemctl cat diting
    ---
    an old process, often one that was started from the command line; find it on the server, end it (kill), then deploy again, as root:
      sudo ss -tlnp
    ---
    run it again: the next run first finishes it; to find out why, on the server:
      uptime
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ---
    its output shows why: is the disk full or read-only, or was the deploy user's line in sudoers removed? On the server:
      df -h /etc; findmnt -T /etc/systemd/system
    as root:
      sudo -l -U deploy
    ---
    set `release` to the id of a release that is good, or leave it out: then the previous one is meant
    ---
    a release becomes a rollback target once it was live and healthy; deploy one
    ---
    the app's log shows why; on the server:
      systemctl status diting
    as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    the app, or a proxy in front of it, demands https: set the input health-headers to `X-Forwarded-Proto: https`, as the proxy does, or health-url to the https address that users have
    ---
    compare the body with health-match; does an old process answer, or a proxy in front of it?
    ---
    no process listens on the port of health-url: is it the one that the app uses? If the app starts slowly, raise health-timeout; on the server, as root:
      sudo ss -tlnp
      sudo journalctl -u diting -n 50 --no-pager
    ---
    a process listens, but does not answer: the app hangs at start, or waits for a database or another service, as root:
      sudo journalctl -u diting -n 50 --no-pager
    ---
    is health-url right: http or https, port, path? Try it with `curl -v` on the server
    ---
    health-command gets the variables of the release's `.env`, so the deploy user must be able to read it; on the server, as the deploy user, go to the newest release, and look at the file and what it links to:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
      ls -l .env; ls -lL .env
    ---
    the output of health-command shows why; to run it by hand, on the server, as the deploy user, go to the newest release, and then run its lines:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
      set -a; test ! -f .env || . ./.env
    ---
    health-command names a program that is missing or cannot be executed: it runs in the release, without login scripts, with `~/.local/bin` in PATH; to run it by hand, on the server, as the deploy user, go to the newest release, and then run its lines:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
      set -a; test ! -f .env || . ./.env
    ---
    health-command hangs: one run may take 10 s at most; to run it by hand, on the server, as the deploy user, go to the newest release, and then run its lines:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
      set -a; test ! -f .env || . ./.env
    ---
    what smoke-test starts must stay up until deploy-action ends it: keep the app in the foreground, without `&`, `nohup` and options such as `--daemon`. A check that ends by itself belongs in `before-switch`
    ---
    if the module is a package, add it to `pyproject.toml` (or `requirements.txt`), lock again (`uv lock`), and push; if it is the app's own, is it committed, and is its name right?
    ---
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    ./serve is not there: smoke-test runs in the folder of the new release; is the file part of it?
    ---
    its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
    ---
    two instances run during the smoke test, and most likely the server ran out of memory; on the server:
      free -h
    as root:
      sudo dmesg -T | grep -iE 'oom|out of memory'
    ---
    its last lines show why; to run it by hand, on the server, as the deploy user, go to the newest release:
      cd /opt/diting/releases
      cd "$(ls -t | head -n 1)"
    ---
    others could reach it there: the app must listen on 127.0.0.1 in the smoke test. `auto` replaces 0.0.0.0 in the command and the environment of the unit, but not in the app's code or configuration; or give `smoke-test` a command, as in `./server --host 127.0.0.1 --port $PORT`
    ---
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    the app takes its port from its code or from a configuration file: let it use the variable `PORT`, or pass the port on its command line, as in `--port $PORT`
    ---
    if another program took the port at that moment, run it again; otherwise smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    ---
    smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    ---
    smoke-test must start the app itself, from the folder of the release that it runs in: no path through current, and no program that passes the work on to a process that runs already (pm2, a container, systemctl)
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it shows whole texts")]
fn a_finding_says_what_to_do() {
    let all: Vec<_> = findings()
        .iter()
        .map(|found| finding(found, &place()).to_string())
        .collect();
    insta::assert_snapshot!(all.join("\n---\n"), @r#"
    on the server's console, as root:
      sudo mkdir -p /opt/diting && sudo chown -R deploy: /opt/diting
    ---
    a folder cannot be replaced in one step. Turn it into a release, which is then a rollback target, as root, and deploy again:
      cd /opt/diting && sudo install -d -o deploy releases && id=$(date +%s) && sudo mv current releases/$id && sudo ln -s releases/$id current
    ---
    current must lead to a folder directly in releases. Copy what it leads to, so that there is a rollback target, as root, and deploy again:
      cd /opt/diting && id=$(date +%s) && sudo cp -a current/. releases/$id && sudo ln -sfn releases/$id current
    ---
    the service must be a systemd unit of the server itself, not of a container; for files that no unit serves, set the inputs service: none and restart: none
    ---
    is the input service the unit's name? The server has these units; a new unit file needs a daemon-reload:
      systemctl list-unit-files --type=service
    as root:
      sudo systemctl daemon-reload
    ---
    unmask it; on the server, as root:
      sudo systemctl unmask diting
    ---
    the unit file has an error; on the server:
      systemctl cat diting
    as root:
      sudo systemd-analyze verify diting
    ---
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ---
    sudo's option `requiretty` refuses every command without a terminal; for this user it can be switched off, on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'Defaults:deploy !requiretty'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ---
    on the server's console, as root:
      sudo loginctl enable-linger deploy
    ---
    on the server's console, as root:
      sudo loginctl enable-linger deploy
    ---
    it needs systemd-logind and PAM (package libpam-systemd); on the server's console, as root:
      sudo systemctl status "user@$(id -u deploy).service"
      sudo systemctl restart "user@$(id -u deploy).service"
    ---
    a deployment restarts services only
    ---
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl stop diting'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ---
    set the input `scope: user`
    ---
    leave out the input scope: then the units are the system's
    ---
    install it on the server as the deploy user, in `~/.local/bin`:
      curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv --version
    ---
    install it on the server, as root; a program for the deploy user alone belongs in `~/.local/bin`:
      sudo apt-get install make || sudo dnf install make
    ---
    free disk space on the server, or lower the input min-free:
      df -h /opt/diting; df -i /opt/diting
    as root:
      sudo du -xsh /opt/diting/releases /var/log
    ---
    free disk space on the server, or lower the input min-free:
      df -h /opt/diting; df -i /opt/diting
    as root:
      sudo du -xsh /opt/diting/releases /var/log
    ---
    is this the right service, and the right target? ExecStart or WorkingDirectory of the unit must lead to `/opt/diting/current`. If it does so in a way that cannot be seen, set the input health-match with `{release}` or `{sha}`; for a web server that only serves the files, set service: none. Compare:
      systemctl cat diting
    ---
    let the restart start a new process (systemctl restart), or let the health response name the release: set the input health-match with `{release}` or `{sha}`
    ---
    the target must be on a local file system, not on a network share; on the server:
      findmnt -T /opt/diting
    ---
    let systemd read it from the live release, as root; whoever may change a unit that root starts is root:
      sudo ln -sfn /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service
    once it is live, if it has an `[Install]` section, as root:
      sudo systemctl enable diting.service
    ---
    let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ---
    let the deploy user renew this copy, as root; whoever may change a unit that root starts is root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
      sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
    ---
    systemd would lose the unit with that release, which may become the live one. Make it a copy that stays, as root, or deploy its file before you link it:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /usr/bin/install -m 644 /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
      sudo cp --remove-destination /opt/diting/current/deploy/diting.service /etc/systemd/system/diting.service || sudo rm /etc/systemd/system/diting.service
    ---
    on the server's console, as root:
      new=$(mktemp) && { sudo cat /etc/sudoers.d/deploy-action 2>/dev/null; echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl daemon-reload'; } >"$new" && sudo visudo -cf "$new" && sudo install -m 0440 "$new" /etc/sudoers.d/deploy-action
    ---
    give its group access with these commands on the server, as root, then deploy again:
      sudo chgrp www-data /opt/diting/releases && sudo chmod g+rxs /opt/diting/releases
      sudo install -d -o deploy -g www-data -m 2755 /opt/diting/shared
      sudo chgrp -R www-data '/opt/diting/shared/it'\''s uploads' && sudo chmod -R g+rwX '/opt/diting/shared/it'\''s uploads'
      sudo chgrp www-data /opt/diting/shared/config/wechat.yaml && sudo chmod g+r /opt/diting/shared/config/wechat.yaml
    ---
    the deploy user and the users of the unit need a group that has only them as members: https://github.com/diting/deploy-action/blob/main/docs/server.md#if-the-service-runs-as-another-user
    ---
    move it while the service is stopped, which users notice; on the server, as root, then deploy again:
      sudo systemctl stop diting
      sudo mkdir /opt/diting/shared/ && sudo chown --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/ && sudo chmod --reference=/opt/diting/releases/1762147685/ /opt/diting/shared/
      sudo mkdir /opt/diting/shared/data && sudo chown --reference=/opt/diting/releases/1762147685/data /opt/diting/shared/data && sudo chmod --reference=/opt/diting/releases/1762147685/data /opt/diting/shared/data
      sudo mv -n /opt/diting/releases/1762147685/data/app.db /opt/diting/releases/1762147685/data/app.db-wal /opt/diting/shared/data/
      sudo ln -s ../../../shared/data/app.db /opt/diting/releases/1762147685/data/app.db
      sudo systemctl start diting
    ---
    move it while the service is stopped, which users notice; on the server, as root, then deploy again:
      sudo systemctl stop diting
      sudo mv -T '/opt/diting/shared/it'\''s uploads' '/opt/diting/shared/it'\''s uploads.before'
      sudo mv -nT '/opt/diting/releases/1762147685/it'\''s uploads' '/opt/diting/shared/it'\''s uploads'
      sudo ln -s '../../shared/it'\''s uploads' '/opt/diting/releases/1762147685/it'\''s uploads'
      sudo systemctl start diting
    ---
    current must lead to a folder directly in releases. Copy what it leads to, so that there is a rollback target, as root, and deploy again:
      cd /opt/diting && id=$(date +%s) && sudo cp -a current/. releases/$id && sudo ln -sfn releases/$id current
    ---
    it must be a link to a folder directly in releases, or not exist; inspect it, and move it away just before you deploy again:
      ls -ld /opt/diting/current
    as root:
      sudo mv /opt/diting/current /opt/diting/current.before
    ---
    create it on the server, as the deploy user, readable for the service; or remove it from the input shared:
      mkdir -p /opt/diting/shared/config
      vi /opt/diting/shared/config/wechat.yaml
    ---
    create it for the deploy user; on the server's console, as root:
      sudo install -d -o deploy '/opt/diting/shared/it'\''s uploads'
    ---
    if the folder is meant, write it in the input shared with a `/` at its end; otherwise move it away on the server:
      ls -ld /opt/diting/shared/config/wechat.yaml
    ---
    set `release` to the id of a release that is good, or leave it out: then the previous one is meant
    ---
    a release becomes a rollback target once it was live and healthy; deploy one
    ---
    the deploy user cannot start anything as another user: let smoke-test start the app as the deploy user, or leave it out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    ---
    health-url must have the port on which the app itself listens, as in `http://localhost:8000/health`, not that of a proxy. If the app reads its port from its code or a file, let it use the variable `PORT`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    say where the port belongs, by a command for smoke-test
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    let smoke-test start the app, in the foreground
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    let smoke-test start the app without it, or leave smoke-test out
    set the input smoke-test to .venv/bin/uvicorn app:app --host 127.0.0.1 --port $PORT, after a look at it
    ---
    let the deploy user read it, or let smoke-test start the app without it
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    ---
    leave smoke-test out, or let it start what can stay up for `health-settle`
    set the input smoke-test to a command such as `./server --host 127.0.0.1 --port $PORT`
    "#);
}

#[test]
fn every_failure_has_a_hint() {
    for end in ends() {
        let may_be_silent = matches!(
            end.outcome,
            Outcome::Deployed | Outcome::Restored | Outcome::Invalid | Outcome::Done
        );
        assert!(may_be_silent || !hint(&end, &place()).is_empty(), "{end:?}");
    }
}

/// The deploy user may run few commands with sudo.
#[test]
fn a_command_with_sudo_is_marked() {
    let failures = reasons().into_iter().map(|reason| {
        crate::report::hints::reason(
            &Failure {
                step: Step::Verify,
                reason,
                unit: None,
            },
            &place(),
        )
    });
    let errors = run_errors().into_iter().map(|it| run_error(&it, &place()));
    let findings = findings().into_iter().map(|it| finding(&it, &place()));
    let ends = ends().into_iter().map(|end| hint(&end, &place()));
    for hint in failures.chain(errors).chain(findings).chain(ends) {
        for Advice { text, commands } in hint.advice() {
            // `sudo -n` is what the deploy user is allowed
            let sudo = commands
                .iter()
                .any(|it| it.replace("sudo -n ", "").contains("sudo "));
            assert!(!sudo || text.to_string().contains("as root"), "{hint}");
        }
    }
}

#[test]
fn no_hint_takes_a_host_key_from_the_network() {
    let texts = run_errors()
        .iter()
        .map(|it| run_error(it, &place()).to_string())
        .collect::<String>();
    assert!(!texts.contains("keyscan"), "{texts}");
}

/// Words that stand for a name in what people copy.
const STAND_INS: [&str; 6] = ["UNIT", "HOST", "SERVICE", "TARGET", "USER", "PID"];

#[test]
fn what_is_known_is_never_a_placeholder() {
    let without_unit = Place {
        service: None,
        ..place()
    };
    let started = Place {
        start: Some(crate::protocol::FailedStart::default()),
        ..without_unit.clone()
    };
    for place in [place(), without_unit, started] {
        let mut all: Vec<String> = Vec::new();
        for found in reasons().into_iter().chain(explained()) {
            for step in STEPS {
                let failure = Failure {
                    step,
                    reason: found.clone(),
                    unit: None,
                };
                all.push(reason(&failure, &place).to_string());
            }
        }
        all.extend(findings().iter().map(|it| finding(it, &place).to_string()));
        all.extend(
            run_errors()
                .iter()
                .map(|it| run_error(it, &place).to_string()),
        );
        all.extend(ends().iter().map(|end| {
            let hint = hint(end, &place);
            format!("{hint}\n{}", crate::report::texts::last_line(end, &place))
        }));
        for text in all {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let found: Vec<&str> = words.filter(|word| STAND_INS.contains(word)).collect();
            // the name of an exit status of systemd
            let is_status = found == ["USER"] && text.contains("217/USER");
            assert!(found.is_empty() || is_status, "{found:?}: {text}");
        }
    }
}
