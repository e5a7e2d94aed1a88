//! The programs, one test each.

use crate::life::{Program, GO, GO_SOCKET};
use crate::throwaway::ThrowawayServer;

const SITE: &str =
    "install -d -o deploy -g deploy /var/www/site /var/www/site/releases; systemctl start nginx";

/// Debian's gems, where `bundle install` looks for those of a recipe: rubygems.org need not be there.
const GEMS: &str = "
    gems=/opt/diting/shared/vendor/bundle/ruby/3.1.0
    install -d $gems
    cp -rL /usr/share/rubygems-integration/all/* $gems
    cp -rL /usr/lib/x86_64-linux-gnu/rubygems-integration/3.1.0/* $gems
    chown -R deploy:deploy /opt/diting/shared";

#[test]
fn express() {
    Program {
        version: ("server.js", "VERSION = '1'"),
        ..Program::new("Express", "express")
    }
    .lives();
}

#[test]
fn gunicorn() {
    Program {
        version: ("app.py", "VERSION = \"1\""),
        ..Program::new("gunicorn", "gunicorn")
    }
    .lives();
}

#[test]
fn django() {
    Program {
        version: ("shop/settings.py", "VERSION = \"1\""),
        assert_served: |server, version, release| {
            assert_unit_is_in(server, release);
            let asked = "curl -sS -H 'Host: shop.example' http://localhost:";
            let said = server.exec(&format!("{asked}{}/", server.app_port));
            assert_eq!(said, format!("version {version}, release {release}"));
        },
        ..Program::new("Django", "django")
    }
    .lives();
}

#[test]
fn uvicorn_workers() {
    Program {
        version: ("app.py", "VERSION = \"1\""),
        ..Program::new("uvicorn", "uvicorn")
    }
    .lives();
}

/// Such a unit is there before its service.
const SOCKET: &str = "systemctl enable --now diting.socket";

#[test]
fn uvicorn_with_a_socket_unit() {
    Program {
        version: ("app.py", "VERSION = \"1\""),
        prepare: SOCKET,
        ..Program::new("uvicorn with a socket unit", "uvicorn")
    }
    .lives();
}

#[test]
fn gunicorn_with_a_socket_unit() {
    Program {
        version: ("app.py", "VERSION = \"1\""),
        prepare: SOCKET,
        ..Program::new("gunicorn with a socket unit", "gunicorn")
    }
    .lives();
}

#[test]
fn node_with_a_socket_unit() {
    Program {
        version: ("server.js", "VERSION = '1'"),
        prepare: SOCKET,
        ..Program::new("Node with a socket unit", "express")
    }
    .lives();
}

#[test]
fn go_with_a_socket_unit() {
    GO_SOCKET.lives();
}

#[test]
fn celery() {
    Program {
        version: ("tasks.py", "VERSION = \"1\""),
        assert_served: |server, version, release| {
            let told = "/opt/diting/shared/queue/told";
            server.exec(&format!("rm -f {told}"));
            server.exec_as_deploy(
                "cd /opt/diting/current; .venv/bin/celery --app tasks call tasks.tell",
            );
            server.wait_for(&format!("test -s {told}"));
            let said = server.read(told);
            assert_eq!(said, format!("version {version}, release {release}\n"));
        },
        ..Program::new("Celery", "celery")
    }
    .lives();
}

#[test]
fn gunicorn_and_celery() {
    Program {
        version: ("version.py", "VERSION = \"1\""),
        prepare: "
            echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting-worker' >/etc/sudoers.d/worker",
        assert_served: |server, version, release| {
            let page = server.get("/").unwrap().1;
            assert_eq!(page, format!("version {version}, release {release}\n"));
            let shown = "systemctl show --value --property MainPID diting-worker";
            let folder = server.exec(&format!("readlink /proc/$({shown})/cwd"));
            assert!(folder.ends_with(release), "{folder}");
        },
        ..Program::new("gunicorn and Celery", "gunicorn-celery")
    }
    .lives();
}

/// Needs no package.
#[test]
fn worker_and_timer() {
    Program {
        version: ("worker.py", "VERSION = \"1\""),
        prepare: "
            echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl restart diting-report.timer' >/etc/sudoers.d/timer
            systemctl enable --now diting-report.timer",
        assert_served: |server, version, release| {
            assert_unit_is_in(server, release);
            let told = server.read("/opt/diting/shared/jobs/told");
            assert_eq!(told, format!("version {version}, release {release}\n"));
            assert_eq!(server.exec("systemctl is-active diting-report.timer").trim(), "active");
        },
        ..Program::new("Worker and timer", "worker")
    }
    .lives();
}

#[test]
fn streamlit() {
    Program {
        version: ("app.py", "VERSION = \"1\""),
        assert_served: |server, _, release| {
            assert_unit_is_in(server, release);
            assert_eq!(server.get("/_stcore/health"), Some((200, "ok".to_owned())));
        },
        ..Program::new("Streamlit", "streamlit")
    }
    .lives();
}

#[test]
fn mkdocs() {
    Program {
        version: ("docs/index.md", "version 1"),
        target: "/var/www/site",
        prepare: SITE,
        assert_served: assert_site,
        ..Program::new("mkdocs", "mkdocs")
    }
    .lives();
}

#[test]
fn nest() {
    Program {
        version: ("src/main.ts", "VERSION = '1'"),
        ..Program::new("NestJS", "nest")
    }
    .lives();
}

#[test]
fn nextjs_from_the_runner() {
    Program {
        version: ("app/page.js", "version 1"),
        assert_served: assert_page,
        ..Program::new("Next.js, built on the runner", "nextjs")
    }
    .lives();
}

#[test]
fn nextjs_built_on_the_server() {
    Program {
        version: ("app/page.js", "version 1"),
        assert_served: assert_page,
        ..Program::new("Next.js, built on the server", "nextjs")
    }
    .lives();
}

#[test]
fn pm2_runtime() {
    Program {
        version: ("server.js", "VERSION = '1'"),
        ..Program::new("pm2-runtime", "pm2")
    }
    .lives();
}

#[test]
fn pm2_as_a_daemon() {
    Program {
        version: ("server.js", "VERSION = '1'"),
        prepare: "npm install --global --silent pm2@5.4.3
                  systemctl start pm2-deploy",
        ..Program::new("pm2 as a daemon", "pm2")
    }
    .lives();
}

#[test]
fn go() {
    GO.lives();
}

#[test]
fn rust() {
    Program {
        version: ("src/main.rs", "VERSION: &str = \"1\""),
        ..Program::new("Rust", "rust")
    }
    .lives();
}

#[test]
fn java() {
    Program {
        version: ("src/main/java/shop/Main.java", "VERSION = \"1\""),
        ..Program::new("Java", "java")
    }
    .lives();
}

#[test]
fn php_fpm() {
    Program {
        version: ("public/index.php", "version 1"),
        prepare:
            "echo 'deploy ALL=(root) NOPASSWD: /bin/systemctl reload php8.2-fpm' >/etc/sudoers.d/php
                  systemctl start php8.2-fpm nginx",
        ..Program::new("php-fpm", "php")
    }
    .lives();
}

#[test]
fn puma() {
    Program {
        version: ("config.ru", "VERSION = \"1\""),
        prepare: GEMS,
        ..Program::new("Puma", "puma")
    }
    .lives();
}

#[test]
fn static_files() {
    Program {
        version: ("public/index.html", "version 1"),
        target: "/var/www/site",
        prepare: SITE,
        assert_served: |server, version, release| {
            let page = server.get("/").unwrap().1;
            assert!(
                page.contains(&format!("version {version}")) && page.contains(release),
                "{page}"
            );
        },
        ..Program::new("Static files", "static")
    }
    .lives();
}

fn assert_unit_is_in(server: &ThrowawayServer, release: &str) {
    let folder =
        server.exec("readlink /proc/$(systemctl show --value --property MainPID diting)/cwd");
    assert!(folder.ends_with(release), "{folder}");
}

/// A page in HTML, whose release /health or the file release.txt names.
fn assert_html(server: &ThrowawayServer, version: &str, release: &str, names_it: &str) {
    let page = server.get("/").unwrap().1;
    assert!(page.contains(&format!("version {version}")), "{page}");
    let named = server.get(names_it).unwrap().1;
    assert!(named.trim_end().ends_with(release), "{named}");
}

fn assert_page(server: &ThrowawayServer, version: &str, release: &str) {
    assert_html(server, version, release, "/health");
}

fn assert_site(server: &ThrowawayServer, version: &str, release: &str) {
    assert_html(server, version, release, "/release.txt");
}
