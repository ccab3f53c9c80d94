//! `wordcount`.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::{Directory, LIMIT, output, path_of, printed, source, text};

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

    let (code, stdout, stderr) = directory.run("wordcount", &["fixture"]);
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
    let (code, stdout, stderr) = directory.run("wordcount", &["clean"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.ends_with("11 words, 8 different, in 1 file\n"), "{stdout}");
    assert_eq!(problems(&stderr), "");

    let (code, stdout, _) = directory.run("wordcount", &["clean/.profile"]);
    assert_eq!(code, Some(0));
    assert!(stdout.ends_with("in 1 file\n"), "{stdout}");

    let (code, stdout, stderr) = directory.run("wordcount", &["missing"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("wordcount: missing: No such file"), "{stderr}");

    for arguments in [&["clean", "clean"][..], &["--frob"]] {
        let (code, stdout, stderr) = directory.run("wordcount", arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert_eq!(stderr, "usage: wordcount [PATH]\n");
    }
    assert_eq!(directory.run("wordcount", &["--help"]).0, Some(0));

    fs::create_dir(directory.0.join("empty")).unwrap();
    let (code, stdout, _) = directory.run("wordcount", &["empty"]);
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
        let (code, stdout, _) = directory.run("wordcount", &["a.txt"]);
        assert_eq!(stdout, "  count  word\n      1  straße's\n\n1 word, 1 different, in 1 file\n");
        assert_eq!(code, Some(0));

        contents.extend(b" \xe2\x82");
        directory.file("a.txt", &contents);
        let (code, _, stderr) = directory.run("wordcount", &["a.txt"]);
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
