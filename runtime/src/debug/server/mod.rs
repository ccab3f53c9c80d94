//! A live page about a runtime.
//!
//! It is served by threads of its own, not by goroutines: so it answers, too, when the runtime does not. One thread
//! accepts; each request has one, of which there are at most [`MOST`] at a time.

mod goroutines;
mod http;
mod routes;
mod state;

use crate::prim::Mutex;
use crate::prim::global::{AtomicBool, Ordering};
use crate::sched::Sched;
use crate::task;
use http::Response;
use socket2::SockRef;
use std::io;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs,
};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Requests at a time.
const MOST: usize = 16;

/// Serves a page about the current runtime at `addr`, say `"127.0.0.1:6060"`: until what is returned is dropped.
///
/// There is all that one wants to know first: goroutines by state, processors over time, how long goroutines wait for
/// their turn, and who blocks or burns. Besides the page itself, `/metrics` is for Prometheus, `/trace?seconds=5` takes a
/// trace for Perfetto, `/dump` (and `/dump?format=json`) is [`rt::dump`](crate::dump()), and `/state` is what the page is made from. It is not made by goroutines, and so answers when they are stuck.
///
/// Only loopback addresses are served: who can see the page knows your program's inside. [`Options`] has other ones. A request
/// from a browser must name a host that is known, so that no foreign page reads it by changing what its own name means.
/// Needs the cargo feature `debug-server`. Go's `net/http/pprof`.
///
/// # Errors
/// When the address is no loopback one, or cannot be bound.
///
/// # Panics
/// When there is no runtime here: on a plain thread, [enter](crate::Handle::enter) one.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
///     let page = rt::debug::serve("127.0.0.1:0")?;
///     println!("look at http://{}", page.local_addr());
///     // .. the program ..
///     Ok(())
/// }
/// ```
#[track_caller]
pub fn serve(addr: impl ToSocketAddrs) -> io::Result<Server> {
    Options::new().serve(addr)
}

/// How a page is served.
///
/// # Examples
/// ```
/// let runtime = rt::Runtime::builder().build()?;
/// let handle = runtime.handle();
/// let _entered = handle.enter();
/// assert!(rt::debug::Options::new().serve("0.0.0.0:0").is_err());
/// let options = rt::debug::Options::new().allow_remote(true).allow_host("box.example");
/// let page = options.serve("0.0.0.0:0")?;
/// assert_ne!(page.local_addr().port(), 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Options {
    remote: bool,
    hosts: Vec<String>,
}

impl Options {
    /// The default settings: loopback addresses, numbers and `localhost` as hosts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether an address may be served that others can reach. There is no password: see to it that they are friends.
    pub fn allow_remote(mut self, allow: bool) -> Self {
        self.remote = allow;
        self
    }

    /// One more name, without a port, by which a browser may ask for the page.
    pub fn allow_host(mut self, name: impl Into<String>) -> Self {
        self.hosts.push(name.into());
        self
    }

    /// Serves a page about the current runtime. See [`serve`].
    ///
    /// # Errors
    /// As [`serve`]: `InvalidInput` when an address is no loopback one, and remote ones were not allowed.
    ///
    /// # Panics
    /// When there is no runtime here.
    #[track_caller]
    pub fn serve(self, addr: impl ToSocketAddrs) -> io::Result<Server> {
        let Some(sched) = task::entered() else {
            panic!(
                "there is no rt runtime here: call this from a goroutine, or enter a runtime on this thread \
                 with Handle::enter"
            )
        };
        let addrs: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        if let Some(addr) = addrs.iter().find(|addr| !self.remote && !addr.ip().is_loopback()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "others could reach {addr}: a page about a runtime is served on loopback addresses, \
                     unless debug::Options::allow_remote says otherwise"
                ),
            ));
        }
        let listener = TcpListener::bind(&*addrs)?;
        let local = listener.local_addr()?;
        let inner = Arc::new(Inner {
            sched,
            hosts: self.hosts,
            stopped: AtomicBool::new(false),
            open: Mutex::new(Vec::new()),
            watch: Mutex::new(Vec::new()),
        });
        let listener = Arc::new(listener);
        let (its, listens) = (Arc::clone(&inner), Arc::clone(&listener));
        let name = "rt-debug".to_owned();
        let thread =
            std::thread::Builder::new().name(name).spawn(move || accept(&its, &listens))?;
        Ok(Server { inner, local, listener, thread: Some(thread) })
    }
}

/// A page that is served; until this is dropped.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// let runtime = rt::Runtime::builder().build()?;
/// let handle = runtime.handle();
/// let _entered = handle.enter();
/// let server = rt::debug::serve("127.0.0.1:0")?;
/// let mut browser = std::net::TcpStream::connect(server.local_addr())?;
/// browser.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
/// let mut page = String::new();
/// browser.read_to_string(&mut page)?;
/// assert!(page.starts_with("HTTP/1.1 200 OK"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "the page is gone when this is dropped"]
pub struct Server {
    inner: Arc<Inner>,
    local: SocketAddr,
    listener: Arc<TcpListener>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("local_addr", &self.local).finish_non_exhaustive()
    }
}

impl Server {
    /// Where it is served: with the port that the system chose, if port 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Wakes the thread that waits for a request. `false`: it cannot be woken.
    fn wake(&self) -> bool {
        // On Linux this ends every `accept`, and takes no file, of which there may be none left.
        if cfg!(target_os = "linux")
            && SockRef::from(&*self.listener).shutdown(Shutdown::Both).is_ok()
        {
            return true;
        }
        // Who waits for a request gets one.
        let ip = match self.local.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let addr = SocketAddr::new(ip, self.local.port());
        TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.inner.stopped.store(true, Ordering::Relaxed);
        let woken = self.wake();
        // First: it may be about to begin one more. They have said why, if they panicked.
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
        let open = std::mem::take(&mut *self.inner.open.lock());
        for (stream, _) in &open {
            // One whose client is gone is shut already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        for (_, thread) in open {
            let _ = thread.join();
        }
    }
}

/// What the threads share.
struct Inner {
    sched: Arc<Sched>,
    hosts: Vec<String>,
    stopped: AtomicBool,
    /// The requests under way.
    open: Mutex<Vec<(TcpStream, JoinHandle<()>)>>,
    /// Who was at work when it was last looked, by processor.
    watch: Mutex<Vec<state::Seen>>,
}

impl Inner {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

fn accept(inner: &Arc<Inner>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        if inner.is_stopped() {
            return;
        }
        match accepted {
            Ok((stream, _)) => begin(inner, stream),
            // No file is left, mostly: others will be closed.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Serves a connection in a thread of its own.
fn begin(inner: &Arc<Inner>, mut stream: TcpStream) {
    let mut open = inner.open.lock();
    open.retain(|(_, thread)| !thread.is_finished());
    if open.len() >= MOST {
        drop(open);
        let busy = Response::error(503, "too many requests at once");
        // Who does not read it gets nothing.
        let _ = busy.send(&mut stream, false);
        return;
    }
    let Ok(other) = stream.try_clone() else { return };
    let its = Arc::clone(inner);
    let name = "rt-debug-page".to_owned();
    let thread = std::thread::Builder::new().name(name).spawn(move || {
        // A client that has gone, or is too slow, gets nothing.
        let _ = one(&its, &mut stream);
        let _ = stream.shutdown(Shutdown::Write);
    });
    if let Ok(thread) = thread {
        open.push((other, thread));
    }
}

/// One request and its answer.
fn one(inner: &Inner, stream: &mut TcpStream) -> io::Result<()> {
    match http::read(stream)? {
        Ok(request) => routes::answer(inner, &request).send(stream, request.is_head),
        Err(response) => response.send(stream, false),
    }
}
