//! What a release gets besides its tree: shared paths, an environment file, hooks.

use crate::app::App;
use crate::throwaway::{ThrowawayServer, TARGET};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn assert_has_config_and_env(server: &ThrowawayServer, release: &str) {
    let folder = format!("{TARGET}/releases/{release}");
    assert_eq!(
        server.exec(&format!("cat {folder}/config/app.yaml")),
        "port: 1"
    );
    let env = server.path(&format!("{folder}/.env"));
    assert_eq!(
        fs::read_to_string(&env).unwrap(),
        "BASE_URL=https://app.example/s3cret-path\n"
    );
    assert_eq!(
        fs::metadata(&env).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn shared_paths_an_env_file_and_hooks_come_with_a_release_and_no_secret_is_shown() {
    let server = ThrowawayServer::up();
    let deploy = |app: &App| {
        let run = server
            .deployment(app)
            .input("shared", "config/app.yaml\nlogs/");
        let run = run
            .input("env-file", "BASE_URL=https://app.example/s3cret-path\n")
            .input("env", "TOKEN=t0ken-of-ours");
        run.input(
            "before-switch",
            "echo \"token is $TOKEN\"\ncat .env\necho \"$PWD\" >>logs/migrations",
        )
        .run()
    };
    let run = deploy(&App::version("1"));
    run.assert_ended(4, "not-ready", "check");
    run.assert_says("config/app.yaml");
    server.exec_as_deploy(&format!(
        "mkdir -p {TARGET}/shared/config && echo port: 1 >{TARGET}/shared/config/app.yaml"
    ));

    let first = deploy(&App::version("1")).assert_deployed(None);
    let run = deploy(&App::version("2"));
    let second = run.assert_deployed(Some(&first));
    run.assert_says("token is ***");
    for secret in ["t0ken-of-ours", "s3cret-path"] {
        run.assert_silent_about(secret);
    }
    server.assert_live(&second, "2", Some(&first));
    for release in [&first, &second] {
        assert_has_config_and_env(&server, release);
    }
    let migrations = server.read(&format!("{TARGET}/shared/logs/migrations"));
    assert_eq!(
        migrations,
        format!("{TARGET}/releases/{first}\n{TARGET}/releases/{second}\n")
    );
}
