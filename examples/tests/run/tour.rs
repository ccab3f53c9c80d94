//! The tour and its chapters.

use std::fs;
use std::path::Path;

use super::{LIMIT, command, output_until, printed, run, source, stdout, text, to_a_full_disk};

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

/// Whichever goroutine finds it out, and whoever waits for that one.
#[test]
fn the_tour_ends_when_its_output_is_closed_and_says_when_it_is_full() {
    for lines in [0, 1, 10, 20, 40] {
        let closed = output_until(&mut command("tour", &[]), lines, LIMIT);
        assert_eq!(closed.status.code(), Some(0), "after {lines} lines");
        assert!(!text(closed.stderr).contains("printing"), "after {lines} lines");
    }
    let full = to_a_full_disk(&mut command("tour", &["hello"]));
    assert_eq!(full.status.code(), Some(2));
    assert_eq!(text(full.stderr), "standard output: No space left on device (os error 28)\n");
}
