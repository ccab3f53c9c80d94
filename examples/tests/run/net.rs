//! `echo`, `portscan` and `follow`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use super::server::Running;
use super::{Directory, LIMIT, command, output, printed, run, source, stdout, text};

/// A server, and its port.
fn echo() -> (Running, String) {
    let server = Running::start("echo", &["serve"]);
    let line = server.stdout.next();
    let port = line.strip_prefix("listening on 127.0.0.1:").expect(&line).to_string();
    (server, port)
}

#[test]
fn echo_sends_everything_back() {
    let (server, port) = echo();
    let mut total = 0;
    for (conns, size) in [("1", "1"), ("50", "1000"), ("4", "1048576")] {
        let load = ["load", "--port", &port, "--conns", conns, "--secs", "0.2", "--size", size];
        let report = stdout("echo", &load);
        let words: Vec<&str> = report.split(' ').collect();
        assert_eq!(words[0], conns, "{report}");
        assert!(report.ends_with("each way, 0 broken off\n"), "{report}");
        let bytes: usize = words[2].parse().unwrap();
        let (conns, size): (usize, usize) = (conns.parse().unwrap(), size.parse().unwrap());
        assert!(bytes >= conns * size && bytes.is_multiple_of(size), "{report}");
        total += bytes;
    }
    // Somebody who still has something to say when it stops, and somebody who has not.
    let mut client = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).unwrap();
    server.signal("INT");
    let (status, _, stderr) = server.ended();
    assert_eq!(status.code(), Some(0));
    let bytes = examples::memory(total as u64 + 5);
    assert_eq!(stderr, [format!("56 connections, {bytes} sent back, 0 broken off")]);
}

/// A load that believes everything would call these servers good, too.
#[test]
fn echo_notices_what_is_wrong() {
    type Echo = fn(TcpStream);
    let wrong: [(Echo, &str); 3] = [
        (drop, ""),
        (
            |mut stream| {
                let mut bytes = [0; 100];
                stream.read_exact(&mut bytes).unwrap();
                bytes[50] ^= 1;
                let _ = stream.write_all(&bytes);
                let _ = stream.read_to_end(&mut Vec::new());
            },
            "within 100 bytes after 0: not what was sent",
        ),
        (
            |mut stream| {
                let mut bytes = Vec::new();
                stream.read_to_end(&mut bytes).unwrap();
                stream.write_all(&bytes[..99]).unwrap();
            },
            "100 bytes went and 99 came back",
        ),
    ];
    for (serve, problem) in wrong {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let server = thread::spawn(move || serve(listener.accept().unwrap().0));
        let load = ["load", "--port", &port, "--conns", "1", "--secs", "0", "--size", "100"];
        let output = run("echo", &load);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(output.stdout).ends_with(" 1 broken off\n"));
        assert!(text(output.stderr).contains(problem));
        server.join().unwrap();
    }
}

#[test]
fn echo_refuses_what_it_does_not_know() {
    assert_eq!(stdout("echo", &["--help"]), printed(&source("echo/main.rs")).1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, problem) in [
        (&[][..], "usage: echo serve"),
        (&["frob"], "usage: echo serve"),
        (&["serve", "--port", "x"], "--port wants a number"),
        (&["serve", "--port", &port], "Address already in use"),
        (&["load"], "load wants a --port"),
        (&["load", "--port"], "--port wants a value"),
        (&["load", "--port", "1", "--conns", "0"], "--conns wants a number from 1"),
        (&["load", "--port", "1", "--secs", "-1"], "--secs wants seconds"),
        (&["load", "--port", "1", "--size", "x"], "--size wants a number"),
        (&["load", "--frob", "1"], "there is no option \"--frob\""),
    ] {
        let output = run("echo", arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        let stderr = text(output.stderr);
        assert!(stderr.contains(problem), "{stderr}");
    }
}

/// Few files may be open: a scan that forgets its bound fails.
#[test]
fn portscan_finds_what_is_open() {
    let listeners: Vec<TcpListener> =
        (0..4).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    // Taken, so that nobody else gets it, but nobody listens there.
    let client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
    let closed = client.local_addr().unwrap().port();
    let open: Vec<u16> = listeners.iter().map(|this| this.local_addr().unwrap().port()).collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 100 && exec "$0" "$@""#]);
    shell.arg(super::path_of("portscan")).args(["1-65535", "64"]);
    let output = output(&mut shell, LIMIT);
    assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
    let report = text(output.stdout);
    let mut lines: Vec<&str> = report.lines().collect();
    let last = lines.pop().unwrap();
    assert_eq!(last, format!("{} of 65,535 ports open", examples::thousands(lines.len() as u64)));
    let found: Vec<u16> = lines.iter().map(|line| line.parse().unwrap()).collect();
    let missed: Vec<_> = open.iter().filter(|port| !found.contains(port)).collect();
    // Others may have opened some, too.
    assert!(missed.is_empty(), "{missed:?} not in {found:?}");
    for (port, answer) in [(open[0], "1"), (closed, "0")] {
        let report = stdout("portscan", &[&format!("{port}-{port}"), "1"]);
        assert!(report.ends_with(&format!("{answer} of 1 port open\n")), "{report}");
    }
    for arguments in
        [&["1"][..], &["0-1"], &["2-1"], &["1-65536"], &["1-2", "0"], &["1-2", "3", "4"]]
    {
        let output = run("portscan", arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
    }
}

#[test]
fn follow_sees_files_grow_shrink_and_be_replaced() {
    let directory = Directory::new("follow");
    let path = directory.0.join("log");
    let append = |text: &str| {
        let file = File::options().append(true).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).unwrap();
    };
    directory.file("log", "one\ntwo\n");
    let follow = Running::start("follow", &[path.to_str().unwrap()]);
    assert_eq!([follow.stdout.next(), follow.stdout.next()], ["one", "two"]);
    append("three");
    append("\nfour\nfi");
    assert_eq!([follow.stdout.next(), follow.stdout.next()], ["three", "four"]);
    append("ve\n");
    assert_eq!(follow.stdout.next(), "five");

    // Shorter, with a line that never ends.
    append("sh");
    File::create(&path).unwrap();
    follow.stderr.find("log: became shorter");
    append("six\n");
    let line = follow.stdout.next();
    // It may or may not have read "sh" before.
    assert_eq!(if line == "sh" { follow.stdout.next() } else { line }, "six");

    // Replaced: what the old one has got at last comes before what is in the new one.
    directory.file("new", "eight\nnine\n");
    append("seven\n");
    fs::rename(directory.0.join("new"), &path).unwrap();
    let lines = [(); 3].map(|()| follow.stdout.next());
    assert_eq!(lines, ["seven", "eight", "nine"]);
    follow.stderr.find("log: replaced");
    // Gone for a while.
    fs::remove_file(&path).unwrap();
    directory.file("log", "ten\n");
    assert_eq!(follow.stdout.next(), "ten");

    follow.signal("INT");
    let (status, stdout, _) = follow.ended();
    assert_eq!((status.code(), stdout), (Some(0), Vec::new()));
}

/// Goroutines that are blocked in the system do not keep it from anything.
#[test]
fn follow_follows_several_and_pipes_too() {
    let directory = Directory::new("follow-several");
    let paths = ["a", "b", "c"].map(|name| directory.0.join(name).display().to_string());
    for pipe in &paths[1..] {
        assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    }
    directory.file("a", "from a\n");
    for procs in ["1", "4"] {
        let mut shell = command("follow", &[]);
        shell.args(&paths).env("RT_PROCS", procs);
        let follow = Running::spawn(&mut shell);
        assert_eq!(follow.stdout.next(), format!("{}: from a", paths[0]));
        let mut pipe = File::options().write(true).open(&paths[1]).unwrap();
        pipe.write_all(b"from b\n").unwrap();
        assert_eq!(follow.stdout.next(), format!("{}: from b", paths[1]));
        follow.signal("TERM");
        assert_eq!(follow.ended().0.code(), Some(0));
    }
    let all = output(command("follow", &["--for", "0.2"]).args(&paths), LIMIT);
    assert_eq!((all.status.code(), text(all.stdout)), (Some(0), format!("{}: from a\n", paths[0])));

    for (arguments, problem) in [
        (&[][..], "usage: follow [--for SECS] PATH...\n"),
        (&["--for", "x", "a"], "usage: follow [--for SECS] PATH...\n"),
        (&["--frob"], "usage: follow [--for SECS] PATH...\n"),
        (&["a", "missing"], "follow: missing: No such file or directory (os error 2)\n"),
        (&["."], "follow: .: Is a directory\n"),
    ] {
        assert_eq!(
            directory.run("follow", arguments),
            (Some(2), String::new(), problem.to_string())
        );
    }
}
