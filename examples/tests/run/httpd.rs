//! `httpd`.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::server::{Client, Running, is_installed};
use super::{Directory, LIMIT, command, output, printed, run, source, stdout, text};

const MIB: usize = 1 << 20;

/// A server of a directory of its own.
struct Httpd {
    running: Running,
    address: String,
    directory: Directory,
}

impl Httpd {
    fn new(name: &str, options: &[&str]) -> Httpd {
        Httpd::on(name, options, "2")
    }

    /// On so many processors.
    fn on(name: &str, options: &[&str], procs: &str) -> Httpd {
        let directory = Directory::new(&format!("httpd-{name}"));
        directory.file("root/hello.txt", "hello, world\n");
        directory.file("root/sub/page.HTML", "<p>page");
        directory.file("root/home/index.html", "<p>home");
        let root = directory.0.join("root");
        let arguments = ["--port", "0", "--dir", root.to_str().unwrap()];
        let mut command = command("httpd", &[&arguments[..], options].concat());
        let running = Running::spawn(command.env("RT_PROCS", procs));
        let line = running.stdout.next();
        let address = line.strip_prefix("listening on http://").expect(&line);
        let address = address.trim_end_matches('/').to_string();
        Httpd { running, address, directory }
    }

    fn client(&self) -> Client {
        Client::new(&self.address)
    }

    fn get(&self, target: &str) -> super::server::Answer {
        self.client().get(target)
    }

    /// Writes a file in which every place looks different.
    fn big_file(&self, name: &str, len: usize) -> Vec<u8> {
        let bytes: Vec<u8> = (0..len as u32 / 4).flat_map(u32::to_le_bytes).collect();
        self.directory.file(&format!("root/{name}"), &bytes);
        bytes
    }
}

#[test]
fn httpd_says_what_may_be_set_and_what_is_wrong() {
    let usage = stdout("httpd", &["--help"]);
    assert_eq!(usage, printed(&source("httpd/main.rs")).1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, problem) in [
        (&["--port", "65536"][..], "--port wants a number from 0 to 65535, not \"65536\""),
        (&["--port"], "--port wants a value"),
        (&["--frob", "1"], "there is no option \"--frob\""),
        (&["--host", "nowhere"], "--host wants an address, as 127.0.0.1, not \"nowhere\""),
        (&["--connections", "0"], "--connections wants a number from 1 to 1000000, not \"0\""),
        (&["--head-timeout", "NaN"], "--head-timeout wants seconds, from 0.001 to 86400"),
        (&["--grace", "1e9"], "--grace wants seconds, from 0.001 to 86400"),
        (&["--log", "some"], "--log wants all or errors"),
        (&["--dir", "/no/such"], "/no/such: No such file or directory"),
        (&["--dir", "/dev/null"], "/dev/null: Not a directory"),
        (&["--port", &port], "Address already in use"),
    ] {
        let output = run("httpd", arguments);
        let stderr = text(output.stderr);
        assert!(stderr.starts_with("httpd: ") && stderr.contains(problem), "{stderr}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
}

#[test]
fn httpd_serves_files_and_directories() {
    let httpd = Httpd::new("files", &[]);
    httpd.directory.file("root/a & <b>: \"100%\"?.txt", "odd");
    httpd.directory.file("root/empty.js", "");
    httpd.directory.file("root/.hidden", "secret");
    let answer = httpd.get("/hello.txt");
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hello, world\n"[..]), "{answer:?}");
    assert_eq!(answer.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.field("connection"), None);
    let (_, date) = answer.field("date").unwrap().split_once(", ").unwrap();
    let today = output(Command::new("date").args(["-u", "+%d %b %Y"]).env("LC_ALL", "C"), LIMIT);
    let midnight = date.contains("23:59:") || date.contains("00:00:");
    assert!(midnight || date.starts_with(text(today.stdout).trim()), "{date}");

    for (target, status, body) in [
        ("/hello.txt?a=b", 200, "hello, world\n"),
        ("/h%65llo%2Etxt", 200, "hello, world\n"),
        ("//sub/.//page.HTML", 200, "<p>page"),
        ("http://other/hello.txt", 200, "hello, world\n"),
        ("/home/", 200, "<p>home"),
        ("/empty.js", 200, ""),
        ("/a%20%26%20%3Cb%3E%3A%20%22100%25%22%3F.txt", 200, "odd"),
        ("/hello.txt/", 404, "404 Not Found\n"),
        ("/hello.txt/x", 404, "404 Not Found\n"),
        ("/nothing", 404, "404 Not Found\n"),
        ("/.hidden", 404, "404 Not Found\n"),
        (&format!("/{}", "x".repeat(300)), 404, "404 Not Found\n"),
    ] {
        let answer = httpd.get(target);
        assert_eq!((answer.status, text(answer.body)), (status, body.to_string()), "{target}");
    }
    let page = httpd.get("/sub/page.HTML");
    assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
    let moved = httpd.get("//sub?x");
    assert_eq!((moved.status, moved.field("location")), (301, Some("/sub/?x")));

    let listing = text(httpd.get("/").body);
    let odd = "<a href=\"a%20%26%20%3Cb%3E%3A%20%22100%25%22%3F.txt\">\
               a &amp; &lt;b&gt;: &quot;100%&quot;?.txt</a> 3.0 B";
    let rows: Vec<usize> = ["<a href=\"home/\">home/</a>", "\"sub/\"", odd, "hello.txt</a> 13.0 B"]
        .iter()
        .map(|row| listing.find(row).unwrap_or_else(|| panic!("{row} in {listing}")))
        .collect();
    assert!(rows.is_sorted(), "{listing}");
    assert!(!listing.contains("hidden") && !listing.contains("../"), "{listing}");
    assert!(text(httpd.get("/sub/").body).contains("<a href=\"../\">"));
}

#[test]
fn httpd_leaves_its_directory_on_no_way() {
    let httpd = Httpd::new("outside", &[]);
    let (root, outside) = (httpd.directory.0.join("root"), httpd.directory.0.join("secret"));
    httpd.directory.file("secret/index.html", "secret");
    symlink("../secret/index.html", root.join("link")).unwrap();
    symlink(&outside, root.join("linked")).unwrap();
    symlink("sub/page.HTML", root.join("inside")).unwrap();
    symlink("nowhere", root.join("gone")).unwrap();
    fs::create_dir(root.join("trap")).unwrap();
    symlink(outside.join("index.html"), root.join("trap/index.html")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
    for (target, status) in [
        ("/../secret/index.html", 403),
        ("/sub/../../secret/index.html", 403),
        ("/%2e%2e/secret/index.html", 403),
        ("/sub/%2E./hello.txt", 403),
        ("/..%2fsecret/index.html", 404),
        ("/sub%2f..%2f..%2fsecret", 400),
        ("/%252e%252e/secret/index.html", 404),
        ("/hello.txt%00.html", 400),
        ("/%", 400),
        ("/%4", 400),
        ("/%zz", 400),
        ("/%+1", 400),
        ("/link", 403),
        ("/linked/index.html", 403),
        ("/linked/", 403),
        ("/trap/", 403),
        ("/fifo", 403),
        ("/gone", 404),
        ("/inside", 200),
        (root.join("hello.txt").to_str().unwrap(), 404),
    ] {
        let answer = httpd.get(target);
        assert_eq!(answer.status, status, "{target}");
        assert!(!text(answer.body).contains("secret"), "{target}");
    }
    // Nor does it tell of what is there.
    let listing = text(httpd.get("/").body);
    assert!(listing.contains("\"inside\"") && listing.contains("\"trap/\""), "{listing}");
    assert!(!listing.contains("link"), "{listing}");
}

#[test]
fn httpd_keeps_connections_and_answers_in_order() {
    let httpd = Httpd::new("alive", &["--requests", "12"]);
    let mut client = httpd.client();
    assert_eq!(client.get("/hello.txt").status, 200);
    // Heads without bodies: what comes next is the next answer.
    let head = client.send("HEAD /hello.txt HTTP/1.1\r\nHost: test\r\n\r\n").head();
    assert_eq!((head.status, head.len()), (200, 13));
    let head = client.send("HEAD /nothing HTTP/1.1\r\nHost: test\r\n\r\n").head();
    assert_eq!((head.status, head.len()), (404, 14));
    // All at once, with bodies that nobody wants, and empty lines after them.
    client.send(
        "GET /home/ HTTP/1.1\r\nHost: test\r\n\r\n\
         GET /1 HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nGET /\r\n\
         POST /2 HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nGET /\r\n1;x=y\r\n \r\n0\r\nA: b\r\nC:d\n\n\r\n\
         BREW /3 HTTP/1.1\nhost: test\n\n\
         GET /hello.txt HTTP/1.0\r\nConnection: x, Keep-Alive\r\n\r\n",
    );
    let answers: Vec<_> = (0..5).map(|_| client.answer()).collect();
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 404, 405, 501, 200]);
    assert_eq!(answers[2].field("allow"), Some("GET, HEAD"));
    assert_eq!(answers[4].field("connection"), Some("keep-alive"));
    // One byte at a time.
    for byte in "GET /home/ HTTP/1.1\r\nHost: test\r\n\r\n".bytes() {
        client.send([byte]);
    }
    assert_eq!(client.answer().body, b"<p>home");
    for last in [false, false, true] {
        let connection = client.get("/hello.txt");
        assert_eq!(connection.field("connection") == Some("close"), last);
    }
    client.is_closed();

    for request in [
        "GET /hello.txt HTTP/1.1\r\nHost: test\r\nConnection: x, CLOSE\r\n\r\n",
        "GET /hello.txt HTTP/1.0\r\n\r\n",
    ] {
        let mut client = httpd.client();
        let answer = client.send(request).send(request).answer();
        assert_eq!((answer.status, answer.field("connection")), (200, Some("close")));
        client.is_closed();
    }
}

#[test]
fn httpd_refuses_what_it_does_not_understand() {
    let httpd = Httpd::new("bad", &[]);
    let host = "HTTP/1.1\r\nHost: test\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let long = "x".repeat(20_000);
    for (request, status) in [
        ("\x16\x03\x01\x02".to_string(), 400),
        ("GET\r\n\r\n".to_string(), 400),
        ("GET /\r\n\r\n".to_string(), 400),
        ("GET / FTP/1.1\r\n\r\n".to_string(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_string(), 400),
        (format!("GET / {host}Host: b\r\n\r\n"), 400),
        (format!("GET / {host}a b: c\r\n\r\n"), 400),
        (format!("GET / {host} folded\r\n\r\n"), 400),
        (format!("GET / {host}A: \0\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: -1\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: +1\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: 1, 1\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
        ("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_string(), 400),
        (format!("GET / {host}Transfer-Encoding: chunked\r\n\r\nx\r\n"), 400),
        (format!("GET / {host}Transfer-Encoding: chunked\r\n\r\n1\r\nabc0\r\n\r\n"), 400),
        (format!("GET / {host}{chunked}0\r\n \r\nGET / {host}\r\n"), 400),
        (format!("GET / {host}{chunked}0\r\n\r\r\nGET / {host}\r\n"), 400),
        (format!("GET / {host}{chunked}0\r\nA\r\n\r\n"), 400),
        (format!("GET / {host}{chunked}0\r\n: b\r\n\r\n"), 400),
        (format!("GET / {host}{chunked}0\r\nA: b\r\n c: d\r\n\r\n"), 400),
        (format!("GET / {host}Content-Length: 65537\r\n\r\n"), 413),
        (format!("GET / {host}Content-Length: 99999999999999999999\r\n\r\n"), 413),
        (format!("GET / {host}Transfer-Encoding: chunked\r\n\r\n10001\r\n"), 413),
        (
            format!(
                "GET / {host}Transfer-Encoding: chunked\r\n\r\n{}",
                "1\r\nx\r\n".repeat(20_000)
            ),
            413,
        ),
        (format!("GET /{long} {host}\r\n"), 414),
        (format!("GET / {host}Expect: tea\r\n\r\n"), 417),
        (format!("GET / {host}A: {long}\r\n\r\n"), 431),
        (format!("GET / {host}{}\r\n", "A: b\r\n".repeat(100)), 431),
        (format!("GET / {host}Transfer-Encoding: gzip, chunked\r\n\r\n"), 501),
        ("GET / HTTP/2.0\r\n\r\n".to_string(), 505),
    ] {
        let mut client = httpd.client();
        let answer = client.try_send(&request).answer();
        assert_eq!(answer.status, status, "{request:.90}");
        assert_eq!(answer.field("connection"), Some("close"), "{request:.90}");
        client.is_closed();
    }
    for (target, status) in [("hello.txt", 400), ("*", 400), ("/hello.txt#x", 400)] {
        let answer = httpd.get(target);
        assert_eq!((answer.status, answer.field("connection")), (status, None), "{target}");
    }
    // Who asks before it sends is answered at once, and what it would send is not waited for.
    let mut client = httpd.client();
    client.send(format!("PUT / {host}Expect: 100-Continue\r\nContent-Length: 9\r\n\r\n"));
    assert_eq!(client.answer().status, 405);
    client.is_closed();
}

#[test]
fn httpd_logs_the_request_and_not_its_body() {
    let httpd = Httpd::new("line", &[]);
    let mut client = httpd.client();
    client.send("POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nGET /y\r\n");
    assert_eq!(client.answer().status, 400);
    let line = httpd.running.stderr.next();
    assert!(line.ends_with(" \"POST /x HTTP/1.1\" 400 16"), "{line}");
    // The next one has a line of its own.
    let mut client = httpd.client();
    assert_eq!(client.get("/hello.txt").status, 200);
    client.send("GET /z\r\n\r\n");
    assert_eq!(client.answer().status, 400);
    httpd.running.stderr.next();
    let line = httpd.running.stderr.next();
    assert!(line.ends_with(" \"GET /z\" 400 16"), "{line}");
}

#[test]
fn httpd_refuses_a_head_without_a_body() {
    let httpd = Httpd::new("head", &[]);
    for (fields, status) in [
        ("Content-Length: 65537\r\n\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\nx\r\n", 400),
        ("Expect: tea\r\n\r\n", 417),
    ] {
        let mut client = httpd.client();
        let head = client.send(format!("HEAD / HTTP/1.1\r\nHost: test\r\n{fields}")).head();
        assert_eq!(head.status, status, "{fields}");
        client.is_closed();
    }
}

/// Begins a request with `head`, and sends more of it as slowly as it likes, but never stops. The answer's status, and how long
/// it took from before the connection.
fn drip(httpd: &Httpd, head: &str) -> (u16, Duration) {
    let start = Instant::now();
    let mut client = httpd.client();
    client.send(head);
    client.stream().set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    loop {
        client.try_send([b'x']);
        match client.stream().peek(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            _ => break,
        }
        assert!(start.elapsed() < LIMIT, "it is never cut off");
    }
    client.stream().set_read_timeout(Some(LIMIT)).unwrap();
    let answer = client.answer();
    client.is_closed();
    (answer.status, start.elapsed())
}

#[test]
fn httpd_cuts_off_who_is_slow() {
    let options = ["--head-timeout", "0.3", "--idle-timeout", "0.3", "--write-timeout", "0.3"];
    let httpd = Httpd::new("slow", &options);
    let limit = Duration::from_millis(300);
    for slow in ["X: ", "Content-Length: 60000\r\n\r\n"] {
        let (status, took) = drip(&httpd, &format!("GET / HTTP/1.1\r\nHost: test\r\n{slow}"));
        assert!(status == 408 && took >= limit, "{slow}: {status} {took:?}");
    }

    // Nothing at all, and nothing more.
    httpd.client().is_closed();
    let mut client = httpd.client();
    assert_eq!(client.get("/hello.txt").status, 200);
    client.is_closed();

    // Asks for much and reads nothing.
    let file = File::create(httpd.directory.0.join("root/sparse")).unwrap();
    file.set_len(64 * MIB as u64).unwrap();
    let mut client = httpd.client();
    client.send("GET /sparse HTTP/1.1\r\nHost: test\r\n\r\n");
    httpd.running.stderr.find("\"GET /sparse HTTP/1.1\" 200 broken off: ");
    assert!(client.rest().len() < 64 * MIB);
    assert_eq!(httpd.get("/hello.txt").status, 200);
}

#[test]
fn httpd_serves_many_at_a_time_and_big_files_whole() {
    for procs in ["1", "2", "8"] {
        serve_many(&Httpd::on(&format!("many-{procs}"), &["--log", "errors"], procs));
    }
}

fn serve_many(httpd: &Httpd) {
    let big = httpd.big_file("big", 20 * MIB);
    let lens = [0, 1, 65_400, 65_536, 200_000];
    let files = lens.map(|len| httpd.big_file(&format!("{len}.png"), len));
    thread::scope(|s| {
        for i in 0..40 {
            let (address, files, big) = (&httpd.address, &files, &big);
            s.spawn(move || {
                let mut client = Client::new(address);
                for k in 0..20 {
                    let n = (i + k) % lens.len();
                    let answer = client.get(&format!("/{}.png", lens[n]));
                    assert_eq!(answer.field("content-type"), Some("image/png"));
                    assert!(answer.status == 200 && answer.body == files[n], "{}", lens[n]);
                }
                if i % 10 == 0 {
                    let answer = client.get("/big");
                    assert_eq!(answer.field("content-type"), Some("application/octet-stream"));
                    assert!(answer.body == *big);
                }
            });
        }
    });
    // Files that change while they are sent: as long as was said, or broken off.
    for len in [10 * MIB, 40 * MIB] {
        let mut client = httpd.client();
        let answer = client.send("GET /big HTTP/1.1\r\nHost: test\r\n\r\n").head();
        let file = File::options().write(true).open(httpd.directory.0.join("root/big")).unwrap();
        file.set_len(len as u64).unwrap();
        if len < answer.len() {
            assert!(client.rest().len() < answer.len());
            file.set_len(20 * MIB as u64).unwrap();
        } else {
            assert_eq!(answer.len(), 20 * MIB);
            client.send("GET /hello.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
            assert!(client.rest().ends_with(b"\r\n\r\nhello, world\n"));
        }
    }
}

#[test]
fn httpd_lets_no_more_in_than_it_may() {
    let httpd = Httpd::new("full", &["--connections", "2"]);
    let mut inside = [httpd.client(), httpd.client()];
    inside.iter_mut().for_each(|client| assert_eq!(client.get("/hello.txt").status, 200));
    let mut third = httpd.client();
    third.send("GET /hello.txt HTTP/1.1\r\nHost: test\r\n\r\n");
    third.stream().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let early = third.stream().peek(&mut [0]);
    assert_eq!(early.map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    third.stream().set_read_timeout(Some(LIMIT)).unwrap();
    inside.iter_mut().for_each(|client| assert_eq!(client.get("/hello.txt").status, 200));
    drop(inside);
    assert_eq!(third.answer().status, 200);
}

/// Until nobody listens there any more.
fn until_refused(address: &str) {
    let start = Instant::now();
    let refused = || {
        let connected = TcpStream::connect(address);
        connected.is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    while !refused() {
        assert!(start.elapsed() < LIMIT, "it still accepts");
        thread::yield_now();
    }
}

#[test]
fn httpd_stops_cleanly() {
    for signal in ["INT", "TERM"] {
        let httpd = Httpd::new(&format!("stop-{signal}"), &["--grace", "60"]);
        let big = httpd.big_file("big", 20 * MIB);
        let (mut idle, mut reading, mut late) = (httpd.client(), httpd.client(), httpd.client());
        assert_eq!(idle.get("/hello.txt").status, 200);
        late.send("GET /hello.txt HTTP/1.1\r\nHost: test\r\n\r\nGET /hello.t");
        assert_eq!(late.answer().status, 200);
        let head = reading.send("GET /big HTTP/1.1\r\nHost: test\r\n\r\n").head();
        httpd.running.signal(signal);
        httpd.running.stderr.find(&format!("httpd: SIG{signal}: stopping"));
        idle.is_closed();
        until_refused(&httpd.address);
        // What was under way is brought to its end.
        let last = late.send("xt HTTP/1.1\r\nHost: test\r\n\r\n").answer();
        assert_eq!((last.status, last.field("connection")), (200, Some("close")));
        late.is_closed();
        let mut body = vec![0; head.len()];
        reading.read_exact(&mut body).unwrap();
        assert!(body == big);
        reading.is_closed();
        drop((idle, reading, late));
        let (status, ..) = httpd.running.ended();
        assert_eq!(status.code(), Some(0));
    }
}

/// Full, with one who does not read: the server waits for a permit, not for a connection.
fn full(name: &str, grace: &str) -> (Httpd, Client) {
    let httpd = Httpd::new(name, &["--grace", grace, "--connections", "1"]);
    httpd.big_file("big", 20 * MIB);
    let mut client = httpd.client();
    client.send("GET /big HTTP/1.1\r\nHost: test\r\n\r\n").head();
    httpd.running.signal("INT");
    (httpd, client)
}

#[test]
fn httpd_stops_in_time_in_spite_of_who_does_not_read() {
    let (httpd, _client) = full("grace", "0.2");
    let (status, _, stderr) = httpd.running.ended();
    assert_eq!(stderr, ["httpd: SIGINT: stopping", "httpd: 1 connection broken off after 200ms"]);
    assert_eq!(status.code(), Some(0));
}

#[test]
fn httpd_stops_at_once_when_told_twice() {
    let (httpd, _client) = full("twice", "3600");
    httpd.running.stderr.find("httpd: SIGINT: stopping");
    // Then it waits for the client.
    until_refused(&httpd.address);
    // Not SIGINT: who runs the tests in the background may have had it ignored, and so it is again.
    httpd.running.signal("TERM");
    let (status, _, stderr) = httpd.running.ended();
    assert_eq!(status.signal(), Some(15), "{status}: {stderr:?}");
}

#[test]
fn httpd_and_curl_agree() {
    if !is_installed("curl") {
        return;
    }
    let httpd = Httpd::new("curl", &[]);
    let big = httpd.big_file("big", 5 * MIB);
    let curl = |arguments: &[&str], target: &str| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "50"]).args(arguments);
        let output = output(curl.arg(format!("http://{}{target}", httpd.address)), LIMIT);
        assert!(output.status.success(), "{arguments:?} {target}: {output:?}");
        output.stdout
    };
    assert!(curl(&[], "/big") == big);
    assert_eq!(curl(&["--http1.0"], "/hello.txt"), b"hello, world\n");
    assert_eq!(curl(&["-L"], "/home"), b"<p>home");
    assert!(text(curl(&["-I"], "/big")).contains("Content-Length: 5242880\r\n"));
    let code = ["-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n"];
    let upload = ["-X", "POST", "-H", "Transfer-Encoding: chunked", "--data-binary"];
    let data = format!("@{}", httpd.directory.0.join("root/hello.txt").display());
    assert_eq!(text(curl(&[&code[..], &upload[..], &[&data]].concat(), "/")), "405 1\n");
    // A body that it asks for first, and one that is far too big.
    let big = format!("@{}", httpd.directory.0.join("root/big").display());
    assert_eq!(text(curl(&[&code[..], &["--data-binary", &big]].concat(), "/")), "413 1\n");
}

#[test]
fn httpd_and_wrk_agree() {
    if !is_installed("wrk") {
        return;
    }
    let httpd = Httpd::new("wrk", &["--log", "errors"]);
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c50", "-d1s", "--timeout", "50s"]);
    let output = output(wrk.arg(format!("http://{}/hello.txt", httpd.address)), LIMIT);
    let report = text(output.stdout);
    assert!(output.status.success() && report.contains("Requests/sec:"), "{report}");
    assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
}
