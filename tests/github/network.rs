//! What lies on the way: nobody there, proxies, certificates.

use super::proxy::Proxy;
use super::{access, run, tell_with, text, wishes, LIMITS, SHORT};
use crate::hub::{Hub, Wire, PREFIX};
use deploy_action::github::{Access, GitHub as Client, Proxies, TimeLimits};
use deploy_action::report::IssueAct::{Comment, Open};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::env;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Nobody resolves it: only a proxy leads there.
const HOST: &str = "github.invalid";

#[test]
fn nobody_who_listens_is_a_warning_with_the_cure() {
    // a port that was free a moment ago
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let told = run(tell_with(
        &access(&format!("http://127.0.0.1:{port}")),
        Open,
        &text(),
        &wishes(&[], &[]),
    ));
    let line = told.warnings.join("\n").replace(&port.to_string(), "PORT");
    insta::assert_snapshot!(line, @"cannot look for the issue, so it is not updated: cannot connect to http://127.0.0.1:PORT (client error (Connect): tcp connect error: Connection refused (os error 111)). Make it reachable from the runner, through HTTPS_PROXY if necessary, or set `issue: off`.");
}

#[test]
fn all_together_takes_no_longer_than_its_limit() {
    let hub = Hub::new();
    for _ in 0..2 {
        hub.plan("GET /issues", crate::hub::Script::Silent);
    }
    let limits = TimeLimits {
        all: Duration::from_secs(1),
        ..SHORT
    };
    let began = Instant::now();
    let told = run(async {
        Client::new(&access(&hub.url()), limits)
            .unwrap()
            .update_issue(Comment, &text(), &wishes(&[], &[]))
            .await
    });
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!((told.issue, told.warnings.len()), (None, 1));
}

/// A GitHub with TLS, the file of the CA that vouches for it, and where that lies.
struct Secure {
    hub: Hub,
    ca: PathBuf,
    folder: tempfile::TempDir,
}

impl Secure {
    fn new(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // else one would be taken for the other
        params
            .distinguished_name
            .push(DnType::CommonName, format!("CA of {names:?}"));
        let ca = CertifiedIssuer::self_signed(params, key).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &ca)
            .unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let config = Arc::new(config);
        let accept = move |stream: TcpStream| {
            let session =
                ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
            Ok(Box::new(StreamOwned::new(session, stream)) as Box<dyn Wire>)
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, ca.pem()).unwrap();
        Self {
            hub: Hub::with(accept, false),
            ca: path,
            folder,
        }
    }
}

/// Tells it in a process of its own, whose environment is this.
fn tell_in(url: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "network::in_a_process_of_its_own",
            "--ignored",
            "--nocapture",
        ])
        .env_clear();
    child.env("API_URL", url).envs(environment.iter().copied());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .find_map(|line| line.split_once("told: "))
        .unwrap()
        .1
        .to_owned()
}

#[test]
#[ignore = "a part of other tests"]
fn in_a_process_of_its_own() {
    let access = Access {
        proxies: Proxies::from_env(),
        ..access(&env::var("API_URL").unwrap())
    };
    let told = run(async {
        Client::new(&access, LIMITS)
            .unwrap()
            .update_issue(Open, &text(), &wishes(&[], &[]))
            .await
    });
    println!(
        "\ntold: {:?} {}",
        told.issue.map(|issue| issue.number),
        told.warnings.join(" | ")
    );
}

fn https(port: u16, host: &str) -> String {
    format!("https://{host}:{port}{PREFIX}")
}

#[test]
fn a_certificate_of_a_ca_that_this_machine_trusts_is_enough() {
    let secure = Secure::new(&["localhost"]);
    let url = https(secure.hub.port, "localhost");
    assert_eq!(
        tell_in(&url, &[("SSL_CERT_FILE", secure.ca.to_str().unwrap())]),
        "Some(1) "
    );
    assert_eq!(secure.hub.state().issues.len(), 1);
}

#[test]
fn a_certificate_that_nobody_vouches_for_and_one_for_another_name_are_not_trusted() {
    let secure = Secure::new(&["localhost"]);
    let other = Secure::new(&["other.example"]);
    let url = https(secure.hub.port, "localhost");
    let told = tell_in(&url, &[("SSL_CERT_FILE", other.ca.to_str().unwrap())]);
    insta::assert_snapshot!(told.replace(&secure.hub.port.to_string(), "PORT"), @"None cannot look for the issue, so it is not updated: the certificate of https://localhost:PORT/api/v3 is not trusted (client error (Connect): invalid peer certificate: UnknownIssuer). Add the CA certificate to those of the runner, or set SSL_CERT_FILE to a file with it.");
    // where the machine trusts nobody, the bundled roots are asked, which do not know it either
    let nothing = secure.folder.path().join("nothing.pem");
    assert!(
        tell_in(&url, &[("SSL_CERT_FILE", nothing.to_str().unwrap())]).contains("UnknownIssuer")
    );
    let told = tell_in(
        &https(other.hub.port, "localhost"),
        &[("SSL_CERT_FILE", other.ca.to_str().unwrap())],
    );
    assert!(
        told.contains("is not trusted") && told.contains("not valid for name"),
        "{told}"
    );
    assert_eq!(secure.hub.calls().len() + other.hub.calls().len(), 0);
}

#[test]
fn https_goes_through_the_proxy_that_the_environment_names() {
    let secure = Secure::new(&[HOST]);
    let proxy = Proxy::to(secure.hub.port, Some("Basic YWxpY2U6b3BlbiBzZXNhbWU="));
    let ca = ("SSL_CERT_FILE", secure.ca.to_str().unwrap());
    let (url, with_password) = (
        https(443, HOST),
        format!("http://alice:open%20sesame@127.0.0.1:{}", proxy.port),
    );
    assert_eq!(
        tell_in(&url, &[ca, ("HTTPS_PROXY", &with_password)]),
        "Some(1) "
    );
    assert_eq!(proxy.asked(), [format!("CONNECT {HOST}:443 HTTP/1.1")]);

    let told = tell_in(
        &url,
        &[
            ca,
            ("https_proxy", &format!("http://127.0.0.1:{}", proxy.port)),
        ],
    );
    insta::assert_snapshot!(told, @"None cannot look for the issue, so it is not updated: cannot connect through the proxy (client error (Connect): the proxy: tunnel error: proxy authorization required). Set HTTPS_PROXY to an http:// proxy that allows it, or add this host to NO_PROXY.");
    let told = tell_in(&url, &[ca, ("HTTPS_PROXY", "socks5://127.0.0.1:1")]);
    insta::assert_snapshot!(told, @"None cannot look for the issue, so it is not updated: cannot connect through the proxy (client error (Connect): a proxy of the kind socks5 is not supported). Set HTTPS_PROXY to an http:// proxy that allows it, or add this host to NO_PROXY.");
    assert_eq!(proxy.asked().len(), 1);
    assert_eq!(secure.hub.state().issues.len(), 1);
}

#[test]
fn hosts_of_no_proxy_are_reached_directly() {
    let secure = Secure::new(&["localhost"]);
    let proxy = Proxy::to(secure.hub.port, None);
    let through = format!("http://127.0.0.1:{}", proxy.port);
    let environment = [
        ("SSL_CERT_FILE", secure.ca.to_str().unwrap()),
        ("HTTPS_PROXY", through.as_str()),
        ("NO_PROXY", "example.com, localhost"),
    ];
    assert_eq!(
        tell_in(&https(secure.hub.port, "localhost"), &environment),
        "Some(1) "
    );
    assert_eq!(proxy.asked().len(), 0);
}

#[test]
fn plain_http_is_passed_on_by_the_proxy() {
    let hub = Hub::forwarded();
    let proxy = Proxy::to(hub.port, Some("Basic YWxpY2U6eA=="));
    let through = format!("http://alice:x@127.0.0.1:{}", proxy.port);
    let url = format!("http://{HOST}{PREFIX}");
    assert_eq!(
        tell_in(
            &url,
            &[
                ("HTTP_PROXY", &through),
                ("HTTPS_PROXY", "http://127.0.0.1:1")
            ]
        ),
        "Some(1) "
    );
    assert_eq!(proxy.asked()[0], format!("GET {url}/user HTTP/1.1"));
}
