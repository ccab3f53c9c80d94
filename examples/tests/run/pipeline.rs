//! `pipeline`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::{
    Directory, LIMIT, command, output, output_until, path_of, printed, source, text, to_a_full_disk,
};

const USAGE: &str = "usage: pipeline [--workers N] [--strict] [PATH]\n";

#[test]
fn it_prints_what_its_head_says() {
    let directory = Directory::new("copies");
    for name in ["fox.txt", "old/fox.bak", "old/older/fox.bak"] {
        directory.file(&format!("fixture/{name}"), "The quick brown fox\n");
    }
    for name in ["dog.txt", "old/dog.txt"] {
        directory.file(&format!("fixture/{name}"), "jumps over the (very) lazy dog\n");
    }
    directory.file("fixture/one of its kind", "seven.\n");
    for name in ["empty", "old/empty"] {
        directory.file(&format!("fixture/{name}"), "");
    }
    for skipped in ["target", ".git", ".hidden", "old/target"] {
        directory.file(&format!("fixture/{skipped}/fox.txt"), "The quick brown fox\n");
    }
    // Other names of files that are there: of two names of one file the first counts.
    let fixture = directory.0.join("fixture");
    fs::hard_link(fixture.join("fox.txt"), fixture.join("hard link")).unwrap();
    symlink("fox.txt", fixture.join("link")).unwrap();
    symlink("nowhere", fixture.join("gone")).unwrap();
    symlink("..", fixture.join("old/loop")).unwrap();

    let expected = printed(&source("pipeline/main.rs")).1;
    for workers in ["1", "2", "1000"] {
        let (code, stdout, stderr) = directory.run("pipeline", &["--workers", workers, "fixture"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{workers} workers");
        assert_eq!(stdout, expected, "{workers} workers");
    }
    let (_, stdout, _) = directory.run("pipeline", &["--strict", "fixture"]);
    assert_eq!(stdout, expected);
}

#[test]
fn few_files_or_none_make_a_short_report() {
    let directory = Directory::new("few");
    fs::create_dir(directory.0.join("none")).unwrap();
    directory.file("one/file", "x");
    directory.file("two/file", "x");
    directory.file("two/copy", "x");
    for (path, expected) in [
        ("none", "0 files, 0 bytes: no copies\n"),
        ("one", "1 file, 1 byte: no copies\n"),
        ("one/file", "1 file, 1 byte: no copies\n"),
        (
            "two",
            "2 copies of 1 byte waste 1 byte\n  two/copy\n  two/file\n\n\
             2 files, 2 bytes: 1 group of copies wastes 1 byte\n",
        ),
    ] {
        let (code, stdout, stderr) = directory.run("pipeline", &[path]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{path}");
        assert_eq!(stdout, expected, "{path}");
    }
}

#[test]
fn it_refuses_what_it_does_not_understand() {
    let directory = Directory::new("refused");
    for (arguments, problem) in [
        (&["--workers"][..], "--workers wants a number"),
        (&["--workers", "0"], "--workers wants a number from 1 to 1000, not \"0\""),
        (&["--workers", "1001"], "--workers wants a number from 1 to 1000, not \"1001\""),
        (&["--workers", "."], "--workers wants a number from 1 to 1000, not \".\""),
        (&["--frob", "."], "there is no option \"--frob\""),
        (&[".", "."], "only one PATH, please"),
    ] {
        let (code, stdout, stderr) = directory.run("pipeline", arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(stderr, format!("pipeline: {problem}\n{USAGE}"), "{arguments:?}");
    }
    let (code, stdout, stderr) = directory.run("pipeline", &["missing"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr, "pipeline: missing: No such file or directory (os error 2)\n");
    let (code, stdout, _) = directory.run("pipeline", &["--help"]);
    assert_eq!((code, stdout.as_str()), (Some(0), USAGE));
}

/// The example, run in `directory` by somebody to whom modes mean something: root may read everything.
fn as_nobody(directory: &Directory) -> Command {
    let path = path_of("pipeline");
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Command::new(path);
    }
    // Where nobody may go. By `cp`, because a file that this process writes may be busy in a child of another test.
    let copy = directory.0.join("pipeline");
    assert!(Command::new("cp").args([&path, &copy]).status().unwrap().success());
    let mut command = Command::new(copy);
    command.uid(65_534).gid(65_534);
    command
}

/// Far more files than fit into the channels, so that a stop finds every stage at work.
#[test]
fn a_file_that_cannot_be_read_is_skipped_or_ends_it() {
    let directory = Directory::new("unreadable");
    for i in 0..600 {
        directory.file(&format!("fixture/{}/{i}", i % 7), i.to_string());
    }
    let secret = directory.0.join("fixture/3/secret");
    fs::write(&secret, "0").unwrap();
    fs::set_permissions(secret, fs::Permissions::from_mode(0o000)).unwrap();
    let message = "pipeline: fixture/3/secret: Permission denied (os error 13)";
    for (procs, workers) in [("1", "2"), ("1", "50"), ("2", "2"), ("2", "50")] {
        let run = |options: &[&str]| {
            let mut command = as_nobody(&directory);
            command.args(["--workers", workers]).args(options).arg("fixture");
            let output = output(command.current_dir(&directory.0).env("RT_PROCS", procs), LIMIT);
            (output.status.code(), text(output.stdout), text(output.stderr))
        };
        let (code, stdout, stderr) = run(&[]);
        assert_eq!(stderr, format!("{message}\n"));
        assert_eq!(
            (code, stdout.as_str()),
            (Some(1), "600 files, 1,690 bytes: no copies; 1 unreadable\n")
        );

        // Nobody waits until this is read to its end.
        let endless = fs::File::create(directory.0.join("fixture/endless")).unwrap();
        endless.set_len(1 << 40).unwrap();
        let (code, stdout, stderr) = run(&["--strict"]);
        fs::remove_file(directory.0.join("fixture/endless")).unwrap();
        assert_eq!(stderr, format!("{message}; stopped\n"));
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
    }
}

/// More groups than fit into the pipe and the channels.
#[test]
fn it_stops_when_its_output_is_closed_and_says_when_it_is_full() {
    let directory = Directory::new("closed");
    for i in 0..400 {
        for copy in ["a", "b"] {
            let name = format!("fixture/{copy}/{i:0200}");
            directory.file(&name, format!("{i}"));
        }
    }
    let mut command = command("pipeline", &["fixture"]);
    let command = command.current_dir(&directory.0);
    let closed = output_until(command, 1, LIMIT);
    assert_eq!(text(closed.stdout), "2 copies of 3 bytes waste 3 bytes\n");
    assert_eq!((closed.status.code(), text(closed.stderr)), (Some(0), String::new()));

    let full = to_a_full_disk(command);
    assert_eq!(full.status.code(), Some(2));
    let message = "pipeline: standard output: No space left on device (os error 28)\n";
    assert_eq!(text(full.stderr), message);
}
