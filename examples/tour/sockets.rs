//! Sockets have std's names and meaning, but who waits blocks a goroutine. One may be read and written at the same
//! time, without a clone; a deadline ends every wait until it is moved; and `close` ends those of all others at once.
//!
//! ```text
//! == sockets: an echo server, deadlines, close
//! 100 clients got back what they said: true
//! nobody says anything: timed out
//! and when the deadline is gone: "hello"
//! accepting: use of closed network connection
//! ```

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;

use rt::go;
use rt::net::{Closed, TcpListener, TcpStream};

/// Accepts until the listener is closed.
fn serve(listener: &TcpListener) -> io::Error {
    loop {
        match listener.accept() {
            Ok((stream, _)) => go!(move || io::copy(&mut &stream, &mut &stream)),
            Err(error) => return error,
        };
    }
}

fn ask(server: SocketAddr, text: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    io::read_to_string(&stream)
}

pub(crate) fn run() {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    let server = listener.local_addr().unwrap();
    let serving = go!(listener => serve(&listener));

    let said = |n| format!("client {n} ").repeat(1000);
    let clients: Vec<_> = (0..100).map(|n| go!(move || ask(server, &said(n)).unwrap())).collect();
    let mut heard = clients.into_iter().map(|client| client.join().unwrap());
    let all = (0..100).all(|n| heard.next() == Some(said(n)));
    println!("100 clients got back what they said: {all}");

    let mut stream = TcpStream::connect(server).unwrap();
    stream.set_read_deadline(Some(rt::time::now())).unwrap();
    let late = stream.read(&mut [0]).unwrap_err();
    println!("nobody says anything: {}", late.kind());
    stream.set_read_deadline(None).unwrap();
    stream.write_all(b"hello").unwrap();
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).unwrap();
    println!("and when the deadline is gone: {:?}", String::from_utf8_lossy(&bytes));

    listener.close().unwrap();
    println!("accepting: {}", Some(serving.join().unwrap()).filter(Closed::is).unwrap());
}
