//! The structure of a private key, as far as it tells whether ssh can use it: kind, size, encryption, whole or not.

use crate::settings::problem::{invalid, Invalid};
use crate::text::Prose;
use base64::prelude::{Engine as _, BASE64_STANDARD};

/// RSA of fewer bits is refused by today's servers and clients.
const LEAST_RSA_BITS: usize = 2048;

const DAMAGED: &str = "is cut off or damaged between its BEGIN and END lines";
const WHOLE: &str =
    "Store the private key's whole file, from its BEGIN line to its END line, as the secret";
const ANOTHER: &str =
    "Make one with ssh-keygen -t ed25519, and authorise its public half on the server";

/// Whether a passphrase is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::settings) enum Lock {
    Plain,
    Encrypted,
}

/// What is inside a key.
enum KeyKind {
    Fine,
    Rsa { bits: usize },
    Dsa,
    SecurityKey,
    Unknown,
}

/// Looks at the lines between `-----BEGIN <label>-----` and its END.
pub(in crate::settings) fn check(
    label: &str,
    headers: &[&str],
    body: &str,
) -> Result<Lock, Invalid> {
    if label == "DSA PRIVATE KEY" {
        return usable(&KeyKind::Dsa).map(|()| Lock::Plain);
    }
    let bytes = BASE64_STANDARD.decode(body).map_err(|_| damaged())?;
    if headers.iter().any(|line| line.contains("ENCRYPTED")) {
        // the structure is what is encrypted
        return Ok(Lock::Encrypted);
    }
    let (kind, lock) = match label {
        "OPENSSH PRIVATE KEY" => openssh(&bytes).ok_or_else(damaged)??,
        "RSA PRIVATE KEY" => (whole(&bytes, pkcs1)?, Lock::Plain),
        "EC PRIVATE KEY" => (whole(&bytes, sec1)?, Lock::Plain),
        "PRIVATE KEY" => (whole(&bytes, pkcs8)?, Lock::Plain),
        "ENCRYPTED PRIVATE KEY" => (whole(&bytes, |_| Some(KeyKind::Fine))?, Lock::Encrypted),
        _ => (KeyKind::Unknown, Lock::Plain),
    };
    usable(&kind).map(|()| lock)
}

fn damaged() -> Invalid {
    Invalid::new(DAMAGED, WHOLE)
}

fn usable(kind: &KeyKind) -> Result<(), Invalid> {
    match kind {
        KeyKind::Rsa { bits } if *bits < LEAST_RSA_BITS => invalid(
            Prose::of(
                "is an RSA key of {} bits, and fewer than {} are not safe",
                [&bits, &LEAST_RSA_BITS],
            ),
            ANOTHER,
        ),
        KeyKind::Fine | KeyKind::Rsa { .. } => Ok(()),
        KeyKind::Dsa => invalid(
            "is a DSA key, which OpenSSH does not take any more",
            ANOTHER,
        ),
        KeyKind::SecurityKey => invalid(
            "belongs to a security key, which somebody would have to touch",
            ANOTHER,
        ),
        KeyKind::Unknown => invalid("is of a kind that OpenSSH does not know", ANOTHER),
    }
}

/// PROTOCOL.key of OpenSSH: magic, cipher, kdf, its options, number of keys, public key, private part.
fn openssh(bytes: &[u8]) -> Option<Result<(KeyKind, Lock), Invalid>> {
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let cipher = field(&mut rest)?;
    let (_kdf, _options) = (field(&mut rest)?, field(&mut rest)?);
    let (count, tail) = rest.split_first_chunk::<4>()?;
    rest = tail;
    let public = field(&mut rest)?;
    let private = field(&mut rest)?;
    if u32::from_be_bytes(*count) != 1 {
        return Some(invalid(
            "holds several keys",
            "Store only the one that the server knows",
        ));
    }
    let lock = if cipher == b"none" {
        Lock::Plain
    } else {
        Lock::Encrypted
    };
    // two equal numbers begin the private part, so that a wrong passphrase shows
    if lock == Lock::Plain && (!rest.is_empty() || private.get(..4)? != private.get(4..8)?) {
        return None;
    }
    Some(Ok((public_kind(public)?, lock)))
}

fn public_kind(mut public: &[u8]) -> Option<KeyKind> {
    Some(match field(&mut public)? {
        b"ssh-rsa" => {
            let _exponent = field(&mut public)?;
            KeyKind::Rsa {
                bits: bits(field(&mut public)?),
            }
        }
        b"ssh-dss" => KeyKind::Dsa,
        kind if kind.starts_with(b"sk-") => KeyKind::SecurityKey,
        kind if kind == b"ssh-ed25519" || kind.starts_with(b"ecdsa-sha2-nistp") => KeyKind::Fine,
        _ => KeyKind::Unknown,
    })
}

/// A length of four bytes, and so many bytes.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk::<4>()?;
    let (field, tail) =
        tail.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = tail;
    Some(field)
}

fn bits(number: &[u8]) -> usize {
    let first = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    let number = &number[first..];
    number.len() * 8
        - number
            .first()
            .map_or(0, |byte| byte.leading_zeros() as usize)
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const PARAMETERS: u8 = 0xa0;

/// One SEQUENCE that fills the file, and what is in it.
fn whole(
    mut bytes: &[u8],
    look: impl FnOnce(&[u8]) -> Option<KeyKind>,
) -> Result<KeyKind, Invalid> {
    let inner = element(&mut bytes, SEQUENCE).filter(|_| bytes.is_empty());
    inner.and_then(look).ok_or_else(damaged)
}

/// RSAPrivateKey (RFC 8017): version, modulus, ...
fn pkcs1(mut inner: &[u8]) -> Option<KeyKind> {
    let _version = element(&mut inner, INTEGER)?;
    Some(KeyKind::Rsa {
        bits: bits(element(&mut inner, INTEGER)?),
    })
}

/// ECPrivateKey (RFC 5915): version, number, curve, ...
fn sec1(mut inner: &[u8]) -> Option<KeyKind> {
    let _version = element(&mut inner, INTEGER)?;
    let _number = element(&mut inner, OCTETS)?;
    let mut parameters = element(&mut inner, PARAMETERS)?;
    Some(curve(element(&mut parameters, OID)))
}

/// PrivateKeyInfo (RFC 5208): version, algorithm, key.
fn pkcs8(mut inner: &[u8]) -> Option<KeyKind> {
    let _version = element(&mut inner, INTEGER)?;
    let mut algorithm = element(&mut inner, SEQUENCE)?;
    let mut key = element(&mut inner, OCTETS)?;
    Some(match element(&mut algorithm, OID)? {
        // 1.2.840.113549.1.1.1
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" => pkcs1(element(&mut key, SEQUENCE)?)?,
        // 1.2.840.10045.2.1
        b"\x2a\x86\x48\xce\x3d\x02\x01" => curve(element(&mut algorithm, OID)),
        // 1.2.840.10040.4.1
        b"\x2a\x86\x48\xce\x38\x04\x01" => KeyKind::Dsa,
        // 1.3.101.112, Ed25519
        b"\x2b\x65\x70" => KeyKind::Fine,
        _ => KeyKind::Unknown,
    })
}

/// SSH knows three curves of NIST's: P-256, P-384, P-521.
fn curve(oid: Option<&[u8]>) -> KeyKind {
    match oid {
        Some(
            b"\x2a\x86\x48\xce\x3d\x03\x01\x07" | b"\x2b\x81\x04\x00\x22" | b"\x2b\x81\x04\x00\x23",
        ) => KeyKind::Fine,
        _ => KeyKind::Unknown,
    }
}

/// The content of a DER element that has this tag.
fn element<'a>(rest: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_first_chunk::<2>()?;
    let (length, tail) = match head[1] {
        short @ 0..=0x7f => (usize::from(short), tail),
        long @ 0x81..=0x83 => {
            let (digits, tail) = tail.split_at_checked(usize::from(long & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit)),
                tail,
            )
        }
        _ => return None,
    };
    let (content, tail) = tail.split_at_checked(length)?;
    *rest = tail;
    (head[0] == tag).then_some(content)
}
