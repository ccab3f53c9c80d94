//! The live page: by plain HTTP, and in a browser where there is one.
#![allow(clippy::disallowed_types, reason = "std's own locks and atomics check from outside")]

mod common;

use common::{builder, eventually, runtime};
use rt::chan::Chan;
use rt::debug::{Options, Server};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn send(addr: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(request).unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    let length = format!("\r\nContent-Length: {}", body.len());
    assert!(head.contains(&length) || request.starts_with(b"HEAD"), "{head}");
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

fn get(addr: SocketAddr, path: &str) -> Answer {
    send(addr, format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes())
}

fn state(addr: SocketAddr) -> Value {
    let answer = get(addr, "/state");
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn serve(runtime: &rt::Runtime) -> (Server, SocketAddr) {
    let handle = runtime.handle();
    let _entered = handle.enter();
    let server = Options::new().serve("127.0.0.1:0").unwrap();
    let addr = server.local_addr();
    (server, addr)
}

#[test]
fn every_path_answers() {
    let _t = common::test();
    let runtime = runtime(2);
    let (_server, addr) = serve(&runtime);
    let page = get(addr, "/");
    assert_eq!(page.status, 200);
    assert!(
        page.head.contains("Content-Type: text/html") && page.body.starts_with("<!doctype html>")
    );
    // Nothing from elsewhere.
    assert!(!page.body.contains("http://") && !page.body.contains("https://"));
    assert!(page.head.contains("Content-Security-Policy: default-src 'none'"));
    let metrics = get(addr, "/metrics");
    assert!(metrics.head.contains("version=0.0.4") && metrics.body.contains("rt_procs 2\n"));
    let nothing = get(addr, "/nothing");
    assert_eq!(nothing.status, 404);
    let head = send(addr, format!("HEAD / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = send(addr, format!("POST / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
    assert!(post.status == 405 && post.head.contains("Allow: GET, HEAD"));
}

#[test]
fn the_state_shows_who_waits_blocks_and_burns() {
    let _t = common::test();
    let runtime = runtime(2);
    let (_server, addr) = serve(&runtime);
    let (hold, stop) = (Chan::<()>::new(0), Arc::new(AtomicBool::new(false)));
    let waiting: Vec<_> = (0..5)
        .map(|_| {
            let hold = hold.clone();
            runtime.handle().spawn(move || assert_eq!(hold.recv(), None))
        })
        .collect();
    let until = Arc::clone(&stop);
    let asleep = runtime.handle().spawn(move || {
        rt::blocking(|| {
            while !until.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    });
    let until = Arc::clone(&stop);
    let burning = runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    let (asleep_id, burning_id) = (asleep.task().id().get(), burning.task().id().get());
    eventually("they are shown", || {
        let state = state(addr);
        let slow = state["slow"].as_array().unwrap();
        let of = |id: u64| slow.iter().find(|slow| slow["g"] == id);
        let asked = of(asleep_id).is_some_and(|slow| slow["why"] == "asked");
        let burns = of(burning_id).is_some_and(|slow| slow["ms"].as_u64().unwrap() >= 100);
        asked
            && burns
            && state["goroutines"]["waiting"][0] == serde_json::json!(["chan receive", 5])
    });
    let state = state(addr);
    assert_eq!(state["goroutines"]["live"], 7);
    assert_eq!(state["procs"].as_array().unwrap().len(), 2);
    let deepest = &state["stack_high_water"][0];
    assert!(deepest[0].as_str().unwrap().contains(file!()), "{deepest}");
    assert!(deepest[1].as_u64().unwrap() >= 4096, "{deepest}");
    stop.store(true, Ordering::Relaxed);
    hold.close();
    waiting.into_iter().chain([asleep, burning]).for_each(|handle| handle.join().unwrap());
}

#[test]
fn dumps_are_shown_as_text_as_json_and_in_groups() {
    let _t = common::test();
    let runtime = runtime(2);
    let (_server, addr) = serve(&runtime);
    let (hold, stop) = (Chan::<()>::new(0), Arc::new(AtomicBool::new(false)));
    let spawn = |name: &str, hold: &Chan<()>| {
        let hold = hold.clone();
        let builder = rt::task::Builder::new().name(name);
        runtime.run(move || builder.spawn(move || assert_eq!(hold.recv(), None))).unwrap()
    };
    // A name may be anything.
    let odd = "\"</script>\\\n\u{1}\u{202e}";
    let mut all: Vec<_> = (0..3).map(|_| spawn("reader", &hold)).collect();
    all.push(spawn(odd, &hold));
    let until = Arc::clone(&stop);
    all.push(runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }));
    let groups = || {
        let answer = get(addr, "/goroutines");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    eventually("all are where they stay", || {
        let json = groups();
        let count = |state: &str| -> u64 {
            let groups = json["groups"].as_array().unwrap().iter();
            groups.filter(|g| g["state"] == state).map(|g| g["count"].as_u64().unwrap()).sum()
        };
        count("waits: chan receive") == 4 && count("running") == 1
    });
    let json = groups();
    let first = &json["groups"][0];
    let mut ids: Vec<_> = all[..3].iter().map(|handle| handle.task().id().get()).collect();
    ids.sort_unstable();
    assert_eq!((&first["count"], &first["ids"]), (&3.into(), &serde_json::json!(ids)));
    let site = first["site"].as_str().unwrap();
    assert!(site.starts_with("'reader' ") && site.contains("tests/debug_server.rs:"), "{site}");
    assert!(first["stack"].as_str().unwrap().contains("tests/debug_server.rs:"), "{first}");
    assert!(json["groups"].as_array().unwrap().iter().any(|group| {
        group["site"].as_str().unwrap().starts_with("'\"</script>\\\\n\\u{1}\\u{202e}' ")
    }));

    let text = get(addr, "/dump");
    assert!(text.status == 200 && text.head.contains("Content-Type: text/plain"));
    // On a busy machine it has waited for seconds, which is then told.
    let reader =
        text.body.split_once("'reader' [chan receive").unwrap_or_else(|| panic!("{}", text.body)).1;
    assert!(reader.split_once("]:\n").unwrap().1.starts_with("    waits for chan 0x"), "{reader}");
    assert_eq!(get(addr, "/dump?format=text").status, 200);
    let json = get(addr, "/dump?format=json");
    assert!(json.status == 200 && json.head.contains("Content-Type: application/json"));
    let json: Value = serde_json::from_str(&json.body).unwrap();
    let listed = json["goroutines"].as_array().unwrap();
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().any(|g| g["name"] == odd));
    for bad in ["/dump?format=", "/dump?format=xml"] {
        assert_eq!(get(addr, bad).status, 400);
    }
    stop.store(true, Ordering::Relaxed);
    hold.close();
    all.into_iter().for_each(|handle| handle.join().unwrap());
    eventually("nobody is left", || groups()["groups"] == serde_json::json!([]));
}

#[test]
fn a_trace_is_taken_for_as_long_as_asked() {
    let _t = common::alone();
    let runtime = runtime(1);
    let (_server, addr) = serve(&runtime);
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let ticking = runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            rt::time::sleep(Duration::from_millis(1));
        }
    });
    let begun = Instant::now();
    let answer = get(addr, "/trace?seconds=1");
    assert!(answer.status == 200 && begun.elapsed() >= Duration::from_secs(1), "{}", answer.body);
    assert!(answer.head.contains("attachment; filename=\"trace.json\""));
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    assert!(events.iter().filter(|event| event["ph"] == "B").count() > 20);
    assert!(!rt::trace::is_on());
    // A trace of the program's own goes on.
    rt::trace::record(Duration::from_secs(10)).unwrap();
    assert_eq!(get(addr, "/trace?seconds=1").status, 200);
    rt::trace::stop().unwrap();
    for bad in ["0", "61", "-1", "x", "", "5.5"] {
        let answer = get(addr, &format!("/trace?seconds={bad}"));
        assert!(answer.status == 400 && answer.body.contains("seconds"), "{bad}: {}", answer.body);
    }
    stop.store(true, Ordering::Relaxed);
    ticking.join().unwrap();
}

#[test]
fn it_answers_when_the_runtime_does_not() {
    let _t = common::test();
    let runtime = builder(1).max_threads(1).build().unwrap();
    let (_server, addr) = serve(&runtime);
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let hog = runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let starved = runtime.handle().spawn(|| ());
    eventually("it is named", || {
        let state = state(addr);
        state["slow"].as_array().unwrap().iter().any(|slow| slow["proc"] == 0)
            && state["goroutines"]["runnable"] == 1
    });
    assert!(!starved.is_finished());
    stop.store(true, Ordering::Relaxed);
    hog.join().unwrap();
    starved.join().unwrap();
}

#[test]
fn strangers_are_refused() {
    let _t = common::test();
    let runtime = runtime(1);
    let text = common::panic_text(|| rt::debug::serve("127.0.0.1:0"));
    assert!(text.contains("Handle::enter"), "{text}");
    let handle = runtime.handle();
    let _entered = handle.enter();
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = Options::new().serve(addr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("allow_remote"), "{error}");
    }
    assert!(rt::debug::serve("no address").is_err());
    let open = Options::new().allow_remote(true).allow_host("box.example");
    let open = open.serve("0.0.0.0:0").unwrap();
    let remote = SocketAddr::from(([127, 0, 0, 1], open.local_addr().port()));
    let (_server, addr) = serve(&runtime);
    let status = |addr, path: &str, headers: &str| {
        send(addr, format!("GET {path} HTTP/1.1\r\n{headers}\r\n\r\n").as_bytes()).status
    };
    // A name that the browser was told means us.
    assert_eq!(status(addr, "/", "Host: evil.example"), 403);
    assert_eq!(status(addr, "/state", &format!("Host: evil.example:{}", addr.port())), 403);
    assert_eq!(status(addr, "/", "Host: box.example"), 403);
    assert_eq!(status(remote, "/", "Host: box.example:80"), 200);
    assert_eq!(status(addr, "/", "Host: localhost:6060"), 200);
    assert_eq!(status(addr, "/", "X: y"), 400);
    // Another page's script, or picture.
    let foreign = "Host: localhost\r\nSec-Fetch-Site: cross-site";
    assert_eq!(status(addr, "/state", foreign), 403);
    assert_eq!(status(addr, "/trace?seconds=1", foreign), 403);
    assert_eq!(status(addr, "/", foreign), 200);
    assert_eq!(status(addr, "/metrics", "Host: localhost\r\nSec-Fetch-Site: same-origin"), 200);
}

#[test]
fn bad_clients_do_not_keep_others_out() {
    let _t = common::test();
    let runtime = runtime(1);
    let (_server, addr) = serve(&runtime);
    assert_eq!(send(addr, b"GET / HTTP/9\r\nHost: localhost\r\n\r\n").status, 400);
    assert_eq!(send(addr, b"\xff\xfe\r\n\r\n").status, 400);
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}", "y".repeat(9000));
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(long.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // It may have been reset: there is more than was read.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "));
    // Those who say nothing are few, or are told so; and others get their turn when they have gone.
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(addr).unwrap()).collect();
    eventually("it is full", || {
        let mut stream = TcpStream::connect(addr).unwrap();
        let mut answer = String::new();
        let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 503 ")
    });
    drop(silent);
    eventually("it answers again", || {
        let Ok(mut stream) = TcpStream::connect(addr) else { return false };
        let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer.starts_with("HTTP/1.1 200 ")
    });
}

#[test]
fn dropped_it_is_gone_whoever_was_there() {
    let _t = common::alone();
    let runtime = runtime(1);
    let (server, addr) = serve(&runtime);
    let _silent = TcpStream::connect(addr).unwrap();
    let slow = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(addr).unwrap();
        stream.write_all(b"GET /trace?seconds=60 HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    });
    eventually("the trace is on", rt::trace::is_on);
    let begun = Instant::now();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    slow.join().unwrap();
    assert!(!rt::trace::is_on());
    assert!(TcpStream::connect(addr).is_err());
    // And the port is free.
    let handle = runtime.handle();
    let _entered = handle.enter();
    drop(rt::debug::serve(addr).unwrap());
}

/// The browser, if there is one.
fn chromium() -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&paths)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file())
}

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn browse(browser: &Path, profile: &Path, url: &str, what: &[&str]) -> Vec<u8> {
    let flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"];
    let mut child = Command::new(browser)
        .args(flags)
        .args(["--disable-background-networking", "--hide-scrollbars", "--window-size=1100,1500"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("--virtual-time-budget=4000")
        .args(what)
        .arg(url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        out.read_to_end(&mut text).unwrap();
        text
    });
    let end = Instant::now() + Duration::from_secs(40);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
            panic!("the browser hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    reader.join().unwrap()
}

/// The page as a browser shows it. `RT_SCREENSHOT` names a file for a picture of it.
#[test]
fn a_browser_shows_the_page() {
    let _t = common::test();
    let Some(browser) = chromium() else {
        eprintln!("skipped: there is no Chromium in the PATH");
        return;
    };
    let runtime = runtime(2);
    let (_server, addr) = serve(&runtime);
    let (hold, stop) = (Chan::<()>::new(0), Arc::new(AtomicBool::new(false)));
    let mut all: Vec<_> = (0..7)
        .map(|_| {
            let hold = hold.clone();
            runtime.handle().spawn(move || assert_eq!(hold.recv(), None))
        })
        .collect();
    let until = Arc::clone(&stop);
    let hog = runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    });
    let hog_id = hog.task().id();
    all.push(hog);
    let until = Arc::clone(&stop);
    all.push(runtime.handle().spawn(move || {
        while !until.load(Ordering::Relaxed) {
            let squares: Vec<_> = (0..20_u64).map(|n| rt::spawn(move || n * n)).collect();
            squares.into_iter().for_each(|handle| drop(handle.join()));
            rt::time::sleep(Duration::from_millis(1));
        }
    }));
    let folder = Folder(std::env::temp_dir().join(format!("rt-page-{}", std::process::id())));
    let url = format!("http://{addr}/");
    let dom = browse(&browser, &folder.0.join("dom"), &url, &["--dump-dom"]);
    let dom = String::from_utf8_lossy(&dom);
    if let Some(file) = std::env::var_os("RT_SCREENSHOT") {
        let shot = format!("--screenshot={}", Path::new(&file).display());
        browse(&browser, &folder.0.join("shot"), &url, &[&shot]);
    }
    stop.store(true, Ordering::Relaxed);
    hold.close();
    all.into_iter().for_each(|handle| handle.join().unwrap());
    for part in [
        "data-ready=\"yes\"",
        ">P1<",
        "waits: chan receive",
        &format!("g{hog_id}"),
        "up to ",
        "<summary>",
    ] {
        assert!(dom.contains(part), "{part:?} is missing: {dom}");
    }
}

/// With no file left nobody can connect to wake who waits for a request.
#[test]
#[cfg(target_os = "linux")]
fn a_page_goes_away_with_no_file_left() {
    common::apart("a_page_goes_away_with_no_file_left", |_| {
        let threads = || {
            std::fs::read_dir("/proc/self/task")
                .unwrap()
                .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
                .filter(|name| name.starts_with("rt-debug"))
                .count()
        };
        let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
        // SAFETY: a valid limit.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let runtime = runtime(1);
        let (server, addr) = serve(&runtime);
        assert_eq!(get(addr, "/dump").status, 200);
        assert!(threads() > 0);
        let mut hoard = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            hoard.push(file);
        }
        drop(server);
        hoard.truncate(1);
        eventually("the kernel has reaped them", || threads() == 0);
        assert!(TcpStream::connect(addr).is_err());
    });
}
