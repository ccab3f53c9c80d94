//! Runs the examples, and compares what they print with what the head of their files says they print.
//!
//! `cargo test` builds the examples of a package before it runs the tests; `cargo test --test run` alone does not, and
//! then finds the ones that were built last.

use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long an example may take: far longer than any does, so that only one that hangs is killed.
const LIMIT: Duration = Duration::from_secs(60);

/// Where cargo puts an example: beside `deps`, where this test is.
fn path_of(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this process has a path");
    let profile = test.parent().and_then(Path::parent).expect("it is in target/profile/deps");
    profile.join("examples").join(name)
}

/// Runs a command to its end, or kills it after `limit` and shows what it had printed until then.
#[track_caller]
fn output(command: &mut Command, limit: Duration) -> Output {
    let piped = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match piped.spawn() {
        Ok(child) => child,
        Err(error) => panic!("{command:?}: {error}; `cargo build -p examples --examples`"),
    };
    let (open, closed) = mpsc::channel();
    let stdout = read(child.stdout.take().expect("it is piped"), open.clone());
    let stderr = read(child.stderr.take().expect("it is piped"), open);
    let late = closed.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
    if late {
        child.kill().expect("it is a child");
    }
    let status = child.wait().expect("it is a child");
    let output = Output { status, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
    assert!(!late, "killed after {limit:?}: {command:?}: {output:?}");
    output
}

/// Reads all of a pipe, on a thread. When that is done `_open` is dropped: nothing is ever sent.
fn read(mut pipe: impl Read + Send + 'static, _open: Sender<()>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let _open = _open;
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

#[test]
#[should_panic(expected = "killed after 100ms")]
fn what_hangs_is_killed() {
    output(Command::new("sleep").arg("1000"), Duration::from_millis(100));
}

/// Runs an example in `directory`.
fn run_in(directory: &Path, name: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(path_of(name));
    command.args(arguments).current_dir(directory).env("RUST_BACKTRACE", "0");
    output(&mut command, LIMIT)
}

fn run(name: &str, arguments: &[&str]) -> Output {
    run_in(Path::new("."), name, arguments)
}

/// Runs an example that is expected to succeed, and gives its standard output.
#[track_caller]
fn stdout(name: &str, arguments: &[&str]) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{name} {arguments:?}: {output:?}");
    text(output.stdout)
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("examples print UTF-8")
}

fn source(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The last fenced block in the `//!` comment at the head of a file: its fence, and its lines.
fn printed(source: &str) -> (String, String) {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let head: Vec<&str> = head.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let fences: Vec<usize> = (0..head.len()).filter(|&i| head[i].starts_with("```")).collect();
    let [.., open, close] = fences[..] else { panic!("no block in {head:?}") };
    let block = head[open + 1..close].iter().map(|line| format!("{line}\n"));
    (head[open].to_string(), block.collect())
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// The names in the index of the tour, in its order.
fn chapters() -> Vec<String> {
    let index = stdout("tour", &["--list"]);
    let names = index.lines().filter_map(|line| line.split_whitespace().next());
    names.map(String::from).collect()
}

#[test]
fn the_index_of_the_tour_is_in_its_head_and_misses_no_file() {
    assert_eq!(stdout("tour", &["--list"]), printed(&source("tour/main.rs")).1);
    let mut files: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tour"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_string())
        .filter(|name| name != "main")
        .collect();
    files.sort();
    let mut chapters = chapters();
    chapters.sort();
    assert_eq!(chapters, files);
}

/// Compares what a chapter printed with the head of its file.
#[track_caller]
fn printed_as_it_says(chapter: &str, actual: &str) {
    let (fence, expected) = printed(&source(&format!("tour/{chapter}.rs")));
    match fence.as_str() {
        "```text" => assert_eq!(actual, expected, "{chapter}"),
        "```text,any-order" => assert_eq!(sorted(actual), sorted(&expected), "{chapter}"),
        other => panic!("{chapter}: what is {other}?"),
    }
}

#[test]
fn every_chapter_prints_what_its_head_says() {
    for chapter in chapters() {
        printed_as_it_says(&chapter, &stdout("tour", &[&chapter]));
    }
}

#[test]
fn the_tour_is_all_its_chapters_in_order() {
    let tour = stdout("tour", &[]);
    let parts: Vec<&str> = tour.trim_end().split("\n\n").collect();
    let chapters = chapters();
    assert_eq!(parts.len(), chapters.len(), "{tour}");
    for (chapter, part) in chapters.iter().zip(parts) {
        printed_as_it_says(chapter, &format!("{part}\n"));
    }
}

#[test]
fn every_chapter_is_short() {
    for chapter in chapters() {
        let lines = source(&format!("tour/{chapter}.rs")).lines().count();
        assert!(lines < 60, "{chapter} has {lines} lines");
    }
}

#[test]
fn the_tour_refuses_what_it_does_not_know() {
    for arguments in [&["no such chapter"][..], &["go", "join"]] {
        let output = run("tour", arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn skynet_adds_up() {
    for (arguments, sum) in [
        (&["1000", "3"][..], "sum 499,500 in "),
        (&["12345"], "sum 76,193,340 in "),
        (&["1"], "sum 0 in "),
    ] {
        let output = stdout("skynet", arguments);
        let repeats = arguments.get(1).map_or(1, |repeats| repeats.parse().unwrap());
        assert_eq!(output.matches(sum).count(), repeats, "{output}");
        assert!(output.contains("peak memory"), "{output}");
    }
    assert!(stdout("skynet", &["1000"]).starts_with("1,000 leaves, 1,111 goroutines\n"));
    for arguments in [&["0"][..], &["x"], &["1", "0"], &["1", "1", "1"]] {
        assert_eq!(run("skynet", arguments).status.code(), Some(2));
    }
}

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("rt-examples-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    fn wordcount(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = run_in(&self.0, "wordcount", arguments);
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Standard error without the progress.
fn problems(stderr: &str) -> String {
    let lines = stderr.lines().filter(|line| !line.starts_with("counted "));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn wordcount_prints_what_its_head_says() {
    let directory = Directory::new("head");
    directory.file(
        "fixture/fox.txt",
        "The quick brown fox\njumps over the lazy dog.\nThe end, isn't it?\n",
    );
    directory.file("fixture/sub/poem.txt", "Über the Straße: straße! 'DOG'\n");
    directory.file("fixture/latin1.txt", b"caf\xe9 the fox");
    directory.file("fixture/logo.bin", b"\x89PNG\0the the the");
    for skipped in ["target", ".git", ".hidden", "sub/target"] {
        directory.file(&format!("fixture/{skipped}/more.txt"), "skipped");
    }
    directory.file("fixture/sub/.git", "skipped: a linked work tree has a file of that name");
    symlink("nowhere", directory.0.join("fixture/gone.txt")).unwrap();
    symlink("..", directory.0.join("fixture/sub/loop")).unwrap();

    let (code, stdout, stderr) = directory.wordcount(&["fixture"]);
    let source = source("wordcount/main.rs");
    let (_, expected) = printed(&source);
    assert_eq!(problems(&stderr) + "\n" + &stdout, expected);
    assert!(stderr.contains("counted 5 files, "), "{stderr}");
    assert_eq!(code, Some(1));
}

#[test]
fn wordcount_says_with_its_exit_code_how_it_went() {
    let directory = Directory::new("codes");
    directory.file("clean/.profile", "a file that is hidden in a directory that is not");
    let (code, stdout, stderr) = directory.wordcount(&["clean"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.ends_with("11 words, 8 different, in 1 file\n"), "{stdout}");
    assert_eq!(problems(&stderr), "");

    let (code, stdout, _) = directory.wordcount(&["clean/.profile"]);
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("in 1 file\n"), "{stdout}");

    let (code, stdout, stderr) = directory.wordcount(&["missing"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("wordcount: missing: No such file"), "{stderr}");

    for arguments in [&["clean", "clean"][..], &["--frob"]] {
        let (code, stdout, stderr) = directory.wordcount(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert_eq!(stderr, "usage: wordcount [PATH]\n");
    }
    assert_eq!(directory.wordcount(&["--help"]).0, Some(0));

    fs::create_dir(directory.0.join("empty")).unwrap();
    let (code, stdout, _) = directory.wordcount(&["empty"]);
    assert_eq!((code, stdout.as_str()), (Some(0), "0 words, 0 different, in 0 files\n"));
}

/// Characters, words and bad bytes that lie across the end of a buffer are seen whole.
#[test]
fn wordcount_reads_across_its_buffer() {
    let directory = Directory::new("buffer");
    for before in 65_530..65_540 {
        let mut contents = vec![b' '; before];
        contents.extend("straße’s".bytes());
        directory.file("a.txt", &contents);
        let (code, stdout, _) = directory.wordcount(&["a.txt"]);
        assert_eq!(stdout, "  count  word\n      1  straße's\n\n1 word, 1 different, in 1 file\n");
        assert_eq!(code, Some(0));

        contents.extend(b" \xe2\x82");
        directory.file("a.txt", &contents);
        let (code, _, stderr) = directory.wordcount(&["a.txt"]);
        let offset = before + "straße’s ".len();
        let expected = format!("skipped 2 bytes that are not UTF-8, the first at offset {offset}");
        assert!(stderr.contains(&expected), "{stderr}");
        assert_eq!(code, Some(1));
    }
}

/// As many processors as files, so that nothing but the limit keeps them from being open all at once.
#[test]
fn wordcount_reads_more_files_than_it_may_open() {
    let directory = Directory::new("many");
    directory.file("file", "one two two ".repeat(5_000));
    fs::create_dir(directory.0.join("links")).unwrap();
    for i in 0..200 {
        fs::hard_link(directory.0.join("file"), directory.0.join(format!("links/{i}"))).unwrap();
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 128 && exec "$0" links"#]).arg(path_of("wordcount"));
    let output = output(shell.current_dir(&directory.0).env("RT_PROCS", "200"), LIMIT);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let expected = "      count  word\n  2,000,000  two\n  1,000,000  one\n\n\
                    3,000,000 words, 2 different, in 200 files\n";
    assert_eq!(text(output.stdout), expected);
}
