//! Releases that cannot work, and what the last line of the log must tell of each: the line of the program's own output
//! that names the root of it.

use crate::app::App;
use crate::run::Run;
use std::fs;

pub(crate) struct Breakage {
    /// The heading in docs/recipes.md.
    pub(crate) recipe: &'static str,
    pub(crate) how: &'static str,
    change: Change,
    /// Of install, before-switch and smoke-test, which fail before the switch; any other is rolled back.
    failed_step: &'static str,
    /// From what the program prints.
    pub(crate) cause: &'static str,
}

enum Change {
    Replace(&'static str, &'static str, &'static str),
    Add(&'static str, &'static str),
    Remove(&'static str),
}
use Change::{Add, Remove, Replace};

impl Breakage {
    pub(crate) fn apply(&self, app: App) -> App {
        match self.change {
            Replace(file, from, to) => app.replace_in(file, from, to),
            Add(file, text) => app.file(file, text, 0o644),
            Remove(file) => {
                fs::remove_file(app.path().join(file)).unwrap();
                app
            }
        }
    }

    pub(crate) fn assert_ended(&self, run: &Run, live: &str) {
        if ["install", "before-switch", "smoke-test"].contains(&self.failed_step) {
            run.assert_ended(5, "failed", self.failed_step);
            assert_eq!(run.output("live-release"), live, "{}", run.log);
        } else {
            run.assert_rolled_back(self.failed_step, live);
        }
    }
}

pub(crate) const BREAKAGES: &[Breakage] = &[
    Breakage {
        recipe: "Express",
        how: "a module that the lock file does not name",
        change: Replace("server.js", "require('express');", "require('express');\nrequire('pg');"),
        failed_step: "verify",
        cause: "Cannot find module 'pg'",
    },
    Breakage {
        recipe: "Express",
        how: "a package.json that the lock file does not follow",
        change: Replace("package.json", "\"express\": ", "\"cors\": \"^2.8.6\",\n    \"express\": "),
        failed_step: "install",
        cause: "Missing: cors@",
    },
    Breakage {
        recipe: "Express",
        how: "a bad port",
        change: Replace("server.js", "process.env.PORT", "'70000'"),
        failed_step: "verify",
        cause: "ERR_SOCKET_BAD_PORT",
    },
    Breakage {
        recipe: "gunicorn",
        how: "a module that is not installed",
        change: Replace("app.py", "from flask import Flask", "import requests\nfrom flask import Flask"),
        failed_step: "verify",
        cause: "ModuleNotFoundError: No module named 'requests'",
    },
    Breakage {
        recipe: "gunicorn",
        how: "no application of this name",
        change: Replace("app.py", "app = Flask(__name__)", "site = app = Flask(__name__)\ndel app\napp = None"),
        failed_step: "verify",
        cause: "AttributeError: 'NoneType' object has no attribute 'get'",
    },
    Breakage {
        recipe: "Django",
        how: "a package that is not installed",
        change: Replace("shop/urls.py", "from django.conf import settings", "import stripe\nfrom django.conf import settings"),
        failed_step: "before-switch",
        cause: "ModuleNotFoundError: No module named 'stripe'",
    },
    Breakage {
        recipe: "Django",
        how: "a package that only the server needs",
        change: Replace("shop/wsgi.py", "import os", "import os\n\nimport sentry_sdk"),
        failed_step: "verify",
        cause: "ModuleNotFoundError: No module named 'sentry_sdk'",
    },
    Breakage {
        recipe: "Django",
        how: "a migration that fails",
        change: Add("shop/migrations/0002_rows.py", "from django.db import migrations\n\n\ndef check(apps, schema_editor):\n    raise ValueError(\"bad row 7\")\n\n\nclass Migration(migrations.Migration):\n    dependencies = [(\"shop\", \"0001_initial\")]\n    operations = [migrations.RunPython(check)]\n"),
        failed_step: "before-switch",
        cause: "ValueError: bad row 7",
    },
    Breakage {
        recipe: "Django",
        how: "a setting that is missing",
        change: Replace("shop/settings.py", "SECRET_KEY = os.environ[\"SECRET_KEY\"]", "SECRET_KEY = os.environ[\"SECRET_KEY\"]\nPAYMENT_KEY = os.environ[\"PAYMENT_KEY\"]"),
        failed_step: "install",
        cause: "KeyError: 'PAYMENT_KEY'",
    },
    Breakage {
        recipe: "Django",
        how: "a host that is not allowed",
        change: Replace("shop/settings.py", "\"shop.example\", ", ""),
        failed_step: "verify",
        cause: "400",
    },
    Breakage {
        recipe: "uvicorn",
        how: "a module that is not installed",
        change: Replace("app.py", "from pathlib import Path", "from pathlib import Path\n\nimport httpx"),
        failed_step: "verify",
        cause: "ModuleNotFoundError: No module named 'httpx'",
    },
    Breakage {
        recipe: "uvicorn",
        how: "another name of the application",
        change: Replace("app.py", "async def app(", "async def site("),
        failed_step: "verify",
        cause: "Attribute \"app\" not found in module \"app\"",
    },
    Breakage {
        recipe: "Celery",
        how: "a module that is not installed",
        change: Replace("tasks.py", "from celery import Celery", "import redis\nfrom celery import Celery"),
        failed_step: "verify",
        cause: "ModuleNotFoundError: No module named 'redis'",
    },
    Breakage {
        recipe: "Celery",
        how: "a syntax error",
        change: Replace("tasks.py", "def tell():", "def tell()"),
        failed_step: "verify",
        cause: "SyntaxError: expected ':'",
    },
    Breakage {
        recipe: "gunicorn and Celery",
        how: "a module that only the worker needs and that is not installed",
        change: Replace("tasks.py", "from celery import Celery", "import redis\nfrom celery import Celery"),
        failed_step: "verify",
        cause: "ModuleNotFoundError: No module named 'redis'",
    },
    Breakage {
        recipe: "Worker and timer",
        how: "a folder that is not there",
        change: Replace("worker.py", "jobs/told", "missing/told"),
        failed_step: "verify",
        cause: "FileNotFoundError",
    },
    Breakage {
        recipe: "Streamlit",
        how: "a module that is not installed",
        change: Replace("app.py", "import streamlit as st", "import plotly\nimport streamlit as st"),
        failed_step: "before-switch",
        cause: "ModuleNotFoundError: No module named 'plotly'",
    },
    Breakage {
        recipe: "Streamlit",
        how: "a setting that is wrong",
        change: Add(".streamlit/config.toml", "[server\nport = 1\n"),
        failed_step: "verify",
        cause: "TOMLDecodeError: Expected ']'",
    },
    Breakage {
        recipe: "mkdocs",
        how: "a link that leads nowhere",
        change: Replace("docs/index.md", "# Manual", "# Manual\n\n[more](missing.md)"),
        failed_step: "install",
        cause: "missing.md",
    },
    Breakage {
        recipe: "mkdocs",
        how: "a theme that is not installed",
        change: Replace("mkdocs.yml", "site_name: Manual", "site_name: Manual\ntheme: material"),
        failed_step: "install",
        cause: "Unrecognised theme name: 'material'",
    },
    Breakage {
        recipe: "NestJS",
        how: "a type error",
        change: Replace("src/main.ts", "basename(resolve(", "baseName(resolve("),
        failed_step: "install",
        cause: "error TS2552: Cannot find name 'baseName'",
    },
    Breakage {
        recipe: "NestJS",
        how: "a provider that is missing",
        change: Replace("src/main.ts", "providers: [ReleaseService]", "providers: []"),
        failed_step: "verify",
        cause: "Nest can't resolve dependencies of the AppController",
    },
    Breakage {
        recipe: "Next.js, built on the runner",
        how: "a module that standalone does not have",
        change: Replace("app/health/route.js", "  return new", "  eval('require')('pg');\n  return new"),
        failed_step: "verify",
        cause: "Cannot find module 'pg'",
    },
    Breakage {
        recipe: "Next.js, built on the server",
        how: "an import that leads nowhere",
        change: Replace("app/page.js", "export default", "import { total } from './total';\n\nexport default"),
        failed_step: "install",
        cause: "Module not found: Can't resolve './total'",
    },
    Breakage {
        recipe: "Next.js, built on the server",
        how: "a configuration that does not parse",
        change: Replace("next.config.js", "};", ""),
        failed_step: "install",
        cause: "SyntaxError",
    },
    Breakage {
        recipe: "pm2-runtime",
        how: "a module that is not installed",
        change: Replace("server.js", "const http =", "require('pg');\nconst http ="),
        failed_step: "verify",
        cause: "Cannot find module 'pg'",
    },
    Breakage {
        recipe: "pm2 as a daemon",
        how: "a module that is not installed",
        change: Replace("server.js", "const http =", "require('pg');\nconst http ="),
        failed_step: "verify",
        // its log is a file of pm2's
        cause: "health refused the connection",
    },
    Breakage {
        recipe: "Go",
        how: "a file that is missing",
        change: Replace("main.go", "http.HandleFunc(", "if _, err := os.ReadFile(\"config.yaml\"); err != nil {\n\t\tlog.Fatalf(\"cannot read the configuration: %v\", err)\n\t}\n\thttp.HandleFunc("),
        failed_step: "smoke-test",
        cause: "open config.yaml: no such file or directory",
    },
    Breakage {
        recipe: "Go",
        how: "a panic",
        change: Replace("main.go", "http.HandleFunc(", "var routes map[string]string\n\troutes[\"/\"] = \"index\"\n\thttp.HandleFunc("),
        failed_step: "smoke-test",
        cause: "panic: assignment to entry in nil map",
    },
    Breakage {
        recipe: "Go",
        how: "an address that is taken",
        change: Replace("main.go", "os.Getenv(\"LISTEN\")", "\"192.0.2.1:80\""),
        failed_step: "smoke-test",
        cause: "cannot assign requested address",
    },
    Breakage {
        recipe: "Rust",
        how: "a variable that is missing",
        change: Replace("src/main.rs", "\"LISTEN\"", "\"BIND\""),
        failed_step: "verify",
        cause: "NotPresent",
    },
    Breakage {
        recipe: "Rust",
        how: "a panic",
        change: Replace("src/main.rs", "    let body", "    let _: u16 = \"http\".parse().unwrap();\n    let body"),
        failed_step: "verify",
        cause: "ParseIntError { kind: InvalidDigit }",
    },
    Breakage {
        recipe: "Puma",
        how: "a gem that is not installed",
        change: Replace("config.ru", "VERSION =", "require \"pg\"\nVERSION ="),
        failed_step: "verify",
        cause: "cannot load such file -- pg",
    },

    Breakage {
        recipe: "Java",
        how: "a bean that is missing",
        change: Replace("src/main/java/shop/Main.java", "  // the link", "  public Main(java.time.Clock clock) {}\n\n  // the link"),
        failed_step: "verify",
        cause: "required a bean of type 'java.time.Clock' that could not be found",
    },
    Breakage {
        recipe: "Java",
        how: "a property that is missing",
        change: Replace("src/main/java/shop/Main.java", "  // the link", "  @org.springframework.beans.factory.annotation.Value(\"${payment.key}\")\n  String key;\n\n  // the link"),
        failed_step: "verify",
        cause: "Could not resolve placeholder 'payment.key'",
    },
    Breakage {
        recipe: "php-fpm",
        how: "a syntax error",
        change: Replace("public/index.php", "basename(", "basename(("),
        failed_step: "verify",
        cause: "syntax error, unexpected token",
    },
    Breakage {
        recipe: "php-fpm",
        how: "packages that are not installed",
        change: Replace("public/index.php", "<?php", "<?php\nrequire __DIR__ . '/../vendor/autoload.php';"),
        failed_step: "verify",
        cause: "Failed opening required",
    },
    Breakage {
        recipe: "Static files",
        how: "no start page",
        change: Remove("public/index.html"),
        failed_step: "install",
        cause: "can't read index.html: No such file or directory",
    },
];
