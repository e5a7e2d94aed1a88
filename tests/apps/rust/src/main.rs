use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

const VERSION: &str = "1";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // the link `current` is resolved
    let program = std::env::current_exe()?;
    let release = program.parent().and_then(|folder| folder.file_name()).unwrap();
    let body = format!("version {VERSION}, release {}\n", release.to_string_lossy());
    let listener = TcpListener::bind(std::env::var("LISTEN")?)?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        let request = BufReader::new(&stream).lines();
        if request.map_while(Result::ok).any(|line| line.is_empty()) {
            write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok();
        }
    }
    Ok(())
}
