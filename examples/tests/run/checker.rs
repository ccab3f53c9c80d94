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

/// As GitHub does: the names that are taken are passed over, whoever has taken them.
#[test]
fn checker_names_what_can_be_linked_to_as_others_do() {
    let directory = Directory::new("checker-names");
    directory.file(
        "a.md",
        "# Twice\n# Twice\n# Twice 1\n# Twice\n\
         [a](#twice) [b](#twice-1) [c](#twice-1-1) [d](#twice-2)\n\n\
         # Two²\n# Ⅷ a·b ﬁ é\n[two](#two) [more](#ⅷ-ab-ﬁ-é)\n\n\
         <A NAME=\"Up\">x</A> <a\nid='nl'></a> <a id=unq>y</a> <p\tclass=z  ID = \"far\" >z</p>\n\n\
         [1](#Up) [2](#nl) [3](#unq) [4](#far)\n\n\
         <div\n  id=block>\n</div>\n\n[5](#block)\n\n\
         <div data-id=\"no\" title=\"a id=none\" class=\"name\">q id=text</div>\n\n\
         [no](#no) [none](#none) [text](#text)\n[two](#two²)\n",
    );
    let (code, stdout, stderr) = directory.run("checker", &["a.md"]);
    let broken: Vec<_> =
        stdout.lines().filter_map(|line| line.strip_prefix("a.md:")?.split(": ").nth(1)).collect();
    assert_eq!(broken, ["#no", "#none", "#text", "#two²"], "{stdout}{stderr}");
    assert_eq!(code, Some(1));
}

/// What a link says cannot garble the output.
#[test]
fn checker_quotes_links_with_control_characters() {
    let directory = Directory::new("checker-quotes");
    directory.file("a.md", "[x](<gone&#10;away&#27;[2J>)\n");
    let (_, stdout, _) = directory.run("checker", &["a.md"]);
    let first = stdout.lines().next().unwrap();
    let quoted = r#"a.md:1: "gone\naway\u{1b}[2J": No such file"#;
    assert!(first.starts_with(quoted), "{stdout:?}");
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
