//! The relay that other tests measure and cut lines with keeps its own promises.

#[path = "support/poll.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod poll;
#[path = "support/relay.rs"]
mod relay;

use relay::Relay;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const ROUND_TRIP: Duration = Duration::from_millis(100);
/// More than any answer takes.
const SILENCE: Duration = Duration::from_millis(300);

#[test]
fn a_connection_costs_one_trip_more_than_an_answer_and_megabytes_none() -> io::Result<()> {
    let relay = Relay::start(echo()?, ROUND_TRIP);
    let started = Instant::now();
    let mut client = connect(&relay)?;
    ask(&mut client)?;
    assert!(
        started.elapsed() >= ROUND_TRIP * 3 / 2,
        "{:?}",
        started.elapsed()
    );

    let started = Instant::now();
    ask(&mut client)?;
    assert!(started.elapsed() >= ROUND_TRIP, "{:?}", started.elapsed());

    let started = Instant::now();
    let mut sender = client.try_clone()?;
    let sending = thread::spawn(move || sender.write_all(&[b'x'; 8_000_000]));
    client.read_exact(&mut vec![0; 8_000_000])?;
    assert!(sending.join().is_ok_and(|sent| sent.is_ok()));
    // 123 chunks of 64 kB one after the other would take 12 s
    assert!(
        started.elapsed() < ROUND_TRIP * 20,
        "{:?}",
        started.elapsed()
    );
    // counted just after they are delivered
    poll::wait_for("all bytes are counted", || {
        (relay.bytes_up(), relay.bytes_down()) == (8_000_002, 8_000_002)
    });
    assert_eq!(relay.connections(), 1);
    Ok(())
}

#[test]
fn a_black_hole_swallows_and_heals_a_cut_ends_a_refusal_spares_what_exists() -> io::Result<()> {
    let relay = Relay::start(echo()?, Duration::ZERO);
    let mut client = connect(&relay)?;
    ask(&mut client)?;

    relay.black_hole();
    client.set_read_timeout(Some(SILENCE))?;
    assert!(ask(&mut client).is_err());
    relay.heal();
    client.set_read_timeout(None)?;
    client.read_exact(&mut [0])?;

    relay.refuse();
    assert!(connect(&relay).is_err());
    ask(&mut client)?;
    relay.accept();
    ask(&mut connect(&relay)?)?;

    relay.lose();
    client.set_read_timeout(Some(SILENCE))?;
    assert!(ask(&mut client).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
    client.set_read_timeout(None)?;
    ask(&mut connect(&relay)?)?;

    relay.cut();
    assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
    let mut last = connect(&relay)?;
    ask(&mut last)?;
    drop(relay);
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    Ok(())
}

fn connect(relay: &Relay) -> io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", relay.port()))
}

fn ask(client: &mut TcpStream) -> io::Result<()> {
    client.write_all(b"?")?;
    client.read_exact(&mut [0])
}

fn echo() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            thread::spawn(move || io::copy(&mut stream.try_clone()?, &mut stream));
        }
    });
    Ok(address)
}
