//! Keys as ssh-keygen and openssl write them.

use std::path::Path;
use std::process::Command;

use super::Inputs;

const PASSPHRASE: &str = "correct horse";

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn made(program: &str, arguments: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = arguments
        .split(' ')
        .map(|word| if word == "PASS" { PASSPHRASE } else { word })
        .collect();
    run(program, &arguments, folder.path());
    std::fs::read_to_string(folder.path().join("k")).unwrap()
}

fn keygen(arguments: &str) -> String {
    let quoted = arguments.replace("-N", "-q -f k -C c -N");
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&str> = quoted
        .split(' ')
        .map(|word| if word == "PASS" { PASSPHRASE } else { word })
        .collect();
    run("ssh-keygen", &arguments, folder.path());
    std::fs::read_to_string(folder.path().join("k")).unwrap()
}

/// Every shape in which people paste a key.
fn shapes(key: &str) -> Vec<String> {
    vec![
        key.to_owned(),
        key.trim_end().to_owned(),
        key.replace('\n', "\r\n"),
        key.replace('\n', "\\n"),
        format!("\"{}\"", key.replace('\n', "\\n")),
        format!("\u{feff}{key}"),
        format!("  {}", key.replace('\n', "\n  ")),
        key.trim_end().replace('\n', " "),
        format!("Bag Attributes\n{key}\n"),
    ]
}

#[test]
fn plain_keys_of_every_kind_work_in_every_shape() {
    let keys = [
        keygen("-t ed25519 -N "),
        keygen("-t ecdsa -b 521 -N "),
        keygen("-t rsa -b 2048 -N "),
        keygen("-t rsa -b 2048 -m PEM -N "),
        keygen("-t rsa -b 2048 -m PKCS8 -N "),
        keygen("-t ecdsa -b 256 -m PEM -N "),
        made(
            "openssl",
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out k",
        ),
        made("openssl", "ecparam -name prime256v1 -genkey -out k"),
        made("openssl", "genpkey -algorithm ed25519 -out k"),
    ];
    for key in keys {
        let kind = key.lines().next().unwrap();
        let alone = &key[key.find("-----BEGIN EC PRIVATE").unwrap_or(0)..];
        for shape in shapes(&key)
            .iter()
            .filter(|shape| alone == key || shape.contains('\n'))
        {
            let settings = Inputs::new().with("key", shape).settings();
            assert_eq!(settings.server.key.unwrap().expose(), alone, "{kind}");
        }
        let spare = Inputs::new()
            .with("key", &key)
            .with("passphrase", PASSPHRASE);
        assert_eq!(
            spare.warnings(),
            "passphrase is not needed: the key is not encrypted."
        );
        assert!(spare.settings().server.passphrase.is_none());
        let end = alone.find("\n-----END").unwrap();
        let cut = format!("{}{}", &alone[..end - 8], &alone[end..]);
        let problem = Inputs::new().with("key", &cut).problems();
        assert!(
            problem.starts_with("key: is cut off or damaged"),
            "{kind} {problem}"
        );
    }
}

#[test]
fn encrypted_keys_need_their_passphrase_and_keep_every_byte() {
    let keys = [
        keygen("-t ed25519 -N PASS"),
        keygen("-t rsa -b 2048 -Z aes256-gcm@openssh.com -N PASS"),
        keygen("-t rsa -b 2048 -m PEM -N PASS"),
        keygen("-t ecdsa -m PKCS8 -N PASS"),
    ];
    for key in keys {
        for shape in shapes(&key) {
            let settings = Inputs::new()
                .with("key", &shape)
                .with("passphrase", "correct horse\n")
                .settings();
            assert_eq!(settings.server.key.unwrap().expose(), key);
            assert_eq!(settings.server.passphrase.unwrap().expose(), PASSPHRASE);
            let problem = Inputs::new().with("key", &shape).problems();
            assert!(
                problem.starts_with("key: is encrypted with a passphrase. Give it as `passphrase`"),
                "{problem}"
            );
        }
    }
}

#[test]
fn keys_that_no_server_takes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    run(
        "openssl",
        &["dsaparam", "-genkey", "-out", "k", "1024"],
        folder.path(),
    );
    let dsa = std::fs::read_to_string(folder.path().join("k")).unwrap();
    run(
        "openssl",
        &["pkcs8", "-topk8", "-nocrypt", "-in", "k", "-out", "k8"],
        folder.path(),
    );
    let dsa8 = std::fs::read_to_string(folder.path().join("k8")).unwrap();
    let keys = [
        keygen("-t rsa -b 1024 -N "),
        keygen("-t rsa -b 1024 -N PASS"),
        keygen("-t rsa -b 1024 -m PEM -N "),
        made(
            "openssl",
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2047 -out k",
        ),
        dsa,
        dsa8,
        made("openssl", "genpkey -algorithm X25519 -out k"),
        made("openssl", "ecparam -name secp256k1 -genkey -noout -out k"),
    ];
    insta::assert_snapshot!(super::problems_of("key", &keys.each_ref().map(String::as_str)), @r#"
    key: is an RSA key of 1024 bits, and fewer than 2048 are not safe. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is an RSA key of 1024 bits, and fewer than 2048 are not safe. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is an RSA key of 1024 bits, and fewer than 2048 are not safe. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is an RSA key of 2047 bits, and fewer than 2048 are not safe. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is a DSA key, which OpenSSH does not take any more. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is a DSA key, which OpenSSH does not take any more. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is of a kind that OpenSSH does not know. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    key: is of a kind that OpenSSH does not know. Make one with ssh-keygen -t ed25519, and authorise its public half on the server.
    "#);
}
