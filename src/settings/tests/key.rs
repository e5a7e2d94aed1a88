//! The private key.

use super::{problems_of, Inputs, KEY};
use crate::settings::Surroundings;

fn canonical(key: &str) -> String {
    Inputs::new()
        .with("key", key)
        .settings()
        .server
        .key
        .unwrap()
        .expose()
        .to_owned()
}

#[test]
fn b11_damage_from_transport_is_repaired() {
    let indented = KEY.replace('\n', "\n    ");
    let shapes = [
        KEY.to_owned(),
        KEY.replace('\n', "\r\n"),
        KEY.trim_end().to_owned(),
        KEY.replace('\n', "\\n"),
        format!("\u{feff}{KEY}"),
        indented,
        KEY.trim_end().replace('\n', " "),
        format!("comment\n{KEY}\n\nmore"),
        KEY.replace('\n', "\n\n"),
    ];
    for shape in shapes {
        assert_eq!(canonical(&shape), KEY, "{shape:?}");
    }
}

#[test]
fn b11_a_repair_is_a_notice() {
    assert_eq!(Inputs::new().warnings(), "");
    let warnings = Inputs::new()
        .with("key", &KEY.replace('\n', "\r\n  "))
        .warnings();
    insta::assert_snapshot!(warnings, @"key: repaired (Windows line ends replaced, indentation removed). Store it exactly as in its file.");
}

#[test]
fn b9_an_empty_key_names_the_usual_causes() {
    insta::assert_snapshot!(Inputs::new().without("key").problems(), @"key: is empty. Give it as in `key: ${{ secrets.NAME }}` and check that the secret exists under this name, here or in the job's environment; secrets are not passed to pull requests from forks.");
    let by_hand = |around: &mut Surroundings| around.on_actions = false;
    insta::assert_snapshot!(Inputs::new().without("key").around(by_hand).problems(), @r#"key: is empty. Set `INPUT_KEY="$(cat key-file)"`, or load the key into an agent (SSH_AUTH_SOCK)."#);
}

#[test]
fn by_hand_an_agent_may_hold_the_key() {
    let by_hand = |around: &mut Surroundings| (around.on_actions, around.agent) = (false, true);
    assert!(Inputs::new()
        .without("key")
        .around(by_hand)
        .settings()
        .server
        .key
        .is_none());
    assert!(Inputs::new()
        .around(by_hand)
        .settings()
        .server
        .key
        .is_some());
    // an agent that the job's environment names is not what the workflow asked for
    let on_actions = |around: &mut Surroundings| around.agent = true;
    assert!(Inputs::new()
        .without("key")
        .around(on_actions)
        .read_with(&[])
        .0
        .is_err());
}

#[test]
#[expect(clippy::too_many_lines, reason = "the snapshot is long")]
fn b10_and_b12_what_is_no_usable_key_is_diagnosed_in_own_words() {
    let body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\nQyNTUxOQAA";
    let damaged = KEY.replace("AAAABG5vbmUA", "AAAACmFlczI1");
    let pem =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES\n\nAAAA\n-----END RSA PRIVATE KEY-----";
    let values = [
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI deploy@laptop",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none",
        "~/.ssh/id_ed25519",
        "/home/me/key.pem",
        "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K",
        body,
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n-----END OPENSSH PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        &format!("{KEY}{KEY}"),
        &damaged,
        pem,
        &pem.replace("RSA", "ENCRYPTED"),
        "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nAAAA",
        "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----",
        "-----BEGIN ODD PRIVATE KEY-----\nAAAA\n-----END ODD PRIVATE KEY-----",
        "hunter2",
        "-----END OPENSSH PRIVATE KEY-----\nAAAA\n-----BEGIN OPENSSH PRIVATE KEY-----",
    ];
    insta::assert_snapshot!(problems_of("key", &values), @r#"
    key: is a public key. Give the private key: the file of the same name without .pub.
    key: is a public key. Give the private key: the file of the same name without .pub.
    key: is in PuTTY's format. Export it in PuTTYgen: Conversions, Export OpenSSH key.
    key: is the path of a file. Give the file's content, not its name: on the command line `INPUT_KEY="$(cat FILE)"`.
    key: is the path of a file. Give the file's content, not its name: on the command line `INPUT_KEY="$(cat FILE)"`.
    key: is base64 of a key file. Decode it first (base64 -d) and store the file's own text.
    key: has no BEGIN and END lines. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: is cut off: its BEGIN or its END line is missing. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: is cut off: its BEGIN or its END line is missing. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: has BEGIN and END lines, but nothing between them. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: begins as one kind of key and ends as another. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: holds several keys. Store only the one that the server knows.
    key: is cut off or damaged between its BEGIN and END lines. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: is encrypted with a passphrase. Give it as `passphrase`, or create a key without one that is used for deployments only (ssh-keygen -t ed25519 -N ''), and authorise it on the server.
    key: is encrypted with a passphrase. Give it as `passphrase`, or create a key without one that is used for deployments only (ssh-keygen -t ed25519 -N ''), and authorise it on the server.
    key: is in the format of ssh.com. Convert it: ssh-keygen -i -f FILE.
    key: is not for SSH, but for PGP or TLS. Give a private key of SSH, as ssh-keygen makes it.
    key: is a public key. Give the private key: the file of the same name without .pub.
    key: is of a kind that OpenSSH does not know. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is not a private key. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    key: has BEGIN and END lines, but nothing between them. Store the private key's whole file, from its BEGIN line to its END line, as the secret.
    "#);
}

#[test]
fn a_secret_is_not_printed() {
    let settings = Inputs::new().settings();
    assert_eq!(format!("{:?}", settings.server.key), "Some(***)");
    assert!(!format!("{settings:?}").contains("b3BlbnNz"));
}
