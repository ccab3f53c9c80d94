//! `checker`.

use super::{Directory, printed, source};

const USAGE: &str = "usage: checker [--timeout SECONDS] [--workers N] PATH\n";

#[test]
fn checker_prints_what_its_head_says() {
    let directory = Directory::new("checker-head");
    directory.file(
        "README.md",
        "# The `rt` library, too!\n\n[guide](docs/guide.md#twice-1) [code](src/a.rs#L1)\n\
         [up](#the-rt-library-too) [web](https://example.com/gone)\n",
    );
    directory.file("src/a.rs", "[not](markdown)");
    directory.file(
        "docs/guide.md",
        "Twice\n=====\n\n[mail](mailto:a@example.com) [same](./guide.md#twice)\n\
         ![image](missing.md)\n[it is case that matters](../README.md#Install)\n\n## Twice\n\
         [third](#twice-2)\n[empty]()\n\n`[code](nowhere)` [root](/docs/with%20space.md#here)\n\
         [dir](../docs/) [twice][1]\n\n[1]: #twice-1\n",
    );
    directory.file("docs/with space.md", "<a id=\"here\"></a>\n\n```text\n[no](link)\n```\n");
    directory.file("docs/latin1.md", b"caf\xe9");
    for skipped in ["target", ".git", ".hidden"] {
        directory.file(&format!("{skipped}/a.md"), "[broken](nowhere)");
    }
    let (_, expected) = printed(&source("checker/main.rs"));
    for workers in ["1", "2", "1000"] {
        let (code, stdout, stderr) = directory.run("checker", &["--workers", workers, ""]);
        assert_eq!((code, stdout.as_str()), (Some(2), ""));
        assert!(stderr.contains("No such file"), "{stderr}");
        let (code, stdout, stderr) = directory.run("checker", &["--workers", workers, "."]);
        assert_eq!(stdout.replace("./docs", "docs"), expected, "{workers} workers");
        // No bar where there is no terminal.
        assert_eq!((code, stderr.as_str()), (Some(1), ""), "{workers} workers");
    }
}

#[test]
fn checker_says_with_its_exit_code_how_it_went() {
    let directory = Directory::new("checker-codes");
    directory.file("good/a.md", "# A\n[b](b.markdown#b) [here](#a)");
    directory.file("good/b.markdown", "## b");
    let (code, stdout, stderr) = directory.run("checker", &["good"]);
    let expected = "2 links in 2 files, 0 of them into the web and not fetched: all is well\n";
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(0), expected, ""));
    let (code, stdout, _) = directory.run("checker", &["good/a.md"]);
    assert!(code == Some(0) && stdout.starts_with("2 links in 1 file,"), "{stdout}");
    directory.file("good/c.MD", "\n[a](a.md#c)");
    let (code, stdout, _) = directory.run("checker", &["good"]);
    assert!(stdout.starts_with("good/c.MD:2: a.md#c: no such heading\n"), "{stdout}");
    assert_eq!(code, Some(1));

    // There is no time at all.
    let (code, stdout, stderr) = directory.run("checker", &["--timeout", "0", "good"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert_eq!(stderr, "checker: not done in 0ns\n");

    for (arguments, problem) in [
        (&[][..], "PATH is missing"),
        (&["a", "b"], "one PATH, and no more"),
        (&["--frob"], "there is no option \"--frob\""),
        (&["--timeout"], "--timeout wants a number of seconds"),
        (&["--timeout", "-1", "."], "--timeout wants a number of seconds"),
        (&["--workers", "0", "."], "--workers wants a number from 1 to 1000"),
    ] {
        let (code, stdout, stderr) = directory.run("checker", arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert_eq!(stderr, format!("checker: {problem}\n{USAGE}"), "{arguments:?}");
    }
    let (code, stdout, _) = directory.run("checker", &["--help"]);
    assert_eq!((code, stdout.as_str()), (Some(0), USAGE));
}

/// More files than may be read at the same time, and more than there are open at the same time.
#[test]
fn checker_reads_thousands_of_files() {
    let directory = Directory::new("checker-many");
    for i in 0..2000 {
        let next = (i + 1) % 2000;
        directory.file(&format!("{i}.md"), format!("# N {i}\n[next]({next}.md#n-{next})\n"));
    }
    let (code, stdout, stderr) = directory.run("checker", &["--workers", "3", "."]);
    assert!(stdout.starts_with("2,000 links in 2,000 files,"), "{stdout}{stderr}");
    assert_eq!(code, Some(0));
}
