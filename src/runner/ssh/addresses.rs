//! How many addresses a name has. ssh tries one after the other, each with its own time limit.

use std::net::{IpAddr, ToSocketAddrs};
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// More are not waited for.
const MOST: u32 = 8;
/// Time limit for the look-up. It runs beside other work, and ssh does its own afterwards.
const LOOKUP_TIME: Duration = Duration::from_secs(3);

/// The addresses of `host`, at least 1.
pub(super) async fn count(host: &str, port: u16) -> u32 {
    if host.parse::<IpAddr>().is_ok() {
        return 1;
    }
    let (sender, receiver) = oneshot::channel();
    let name = (host.to_owned(), port);
    // a thread of its own: nobody waits for it if the run ends
    thread::spawn(move || {
        let found = name.to_socket_addrs().map_or(0, Iterator::count);
        let _too_late = sender.send(found);
    });
    let found = timeout(LOOKUP_TIME, receiver).await;
    tracing::info!(host, ?found, "addresses looked up");
    match found {
        Ok(Ok(found)) => u32::try_from(found).unwrap_or(MOST).clamp(1, MOST),
        // a slow look-up; ssh will need the time too
        _ => MOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_one_and_an_unknown_name_counts_as_one() {
        assert_eq!(count("192.0.2.1", 22).await, 1);
        assert_eq!(count("2001:db8::1", 22).await, 1);
        assert_eq!(count("no-such-name.invalid", 22).await, 1);
        assert!((1..=2).contains(&count("localhost", 22).await));
    }
}
