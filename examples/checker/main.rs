//! Checks the links of Markdown files: those to files on disk, and to headings in them. Links into the web are counted, and not
//! fetched.
//!
//! ```text
//! cargo run --release --example checker -- [--timeout SECONDS] [--workers N] PATH
//! ```
//!
//! It reads every `.md` and `.markdown` file at or under PATH; what is left out is what `wordcount` leaves out, and links of
//! the file system are not followed. A link that begins with `/` is looked up under PATH. An anchor is looked for
//! among the headings of a Markdown file, by GitHub's rules, and among the `id`s and `name`s of its HTML; in other
//! files nobody looks. It takes 60 seconds at most, or what the option says. On the directory that `tests/run` makes,
//! it prints
//!
//! ```text
//! docs/guide.md:5: missing.md: No such file or directory (os error 2)
//! docs/guide.md:6: ../README.md#Install: no such heading
//! docs/guide.md:9: #twice-2: no such heading
//! docs/guide.md:10: : it leads nowhere
//! docs/latin1.md: stream did not contain valid UTF-8
//! 13 links in 3 files, 2 of them into the web and not fetched: 5 problems
//! ```
//!
//! The exit code is 0 if all is well, 1 if there is a broken link or an unreadable file, and 2 if there is no result.
//!
//! # How it works
//!
//! A file is a task of a [`Pool`]: so many are read at the same time, and no more. The walk of the tree submits them, and
//! waits while the pool is full. The walk is a member of an [`ErrGroup`], and so is what adds up; whoever fails
//! ends the context of both, and the deadline is a context around that. What the tasks find comes over a channel, which
//! ends with the last task that could send.

mod check;
mod markdown;
mod options;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use examples::walk::{Found, Walk};
use examples::{plural, shown};
use indicatif::{ProgressBar, ProgressStyle};
use rt::chan::{self, Receiver, RecvCtxError, Sender};
use rt::context::Context;
use rt::pool::Pool;
use rt::sync::ErrGroup;

use check::{Checker, Report};
use options::Options;

#[rt::main]
fn main() -> ExitCode {
    let options = match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => return examples::help(options::USAGE),
        Err(problem) => {
            eprintln!("checker: {problem}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    examples::end_with_the_output();
    match check(&options) {
        Ok(report) => {
            print(&report);
            ExitCode::from(u8::from(!report.problems.is_empty()))
        }
        Err(problem) => {
            eprintln!("checker: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Checks all that is at or under the path of `options`.
fn check(options: &Options) -> Result<Report, String> {
    let root = options.path.as_path();
    let walk = Walk::new(root).map_err(|error| format!("{}: {error}", shown(root)))?;
    let pool = Pool::new(options.workers).map_err(|error| error.to_string())?;
    let (deadline, _cancel) = Context::background().with_timeout(options.timeout);
    let (group, ctx) = ErrGroup::with_context(&deadline);
    let (found, reports) = chan::bounded(options.workers);
    let (bar, sum) = (bar(), Arc::new(Mutex::new(Report::default())));

    let checker = Arc::new(Checker::new(root));
    let (walker, counted) = (ctx.clone(), bar.clone());
    group.go(move || submit_all(walk, &pool, &checker, &found, &counted, &walker));
    let (adds, total) = (bar.clone(), Arc::clone(&sum));
    group.go(move || {
        let report = add_up(&reports, &adds, &ctx)?;
        *total.lock().expect("nobody panics with it") = report;
        Ok(())
    });
    let result = group.wait();
    bar.finish_and_clear();
    result.map_err(|Late| format!("not done in {:?}", options.timeout))?;
    let mut report = std::mem::take(&mut *sum.lock().expect("nobody panics with it"));
    report.problems.sort();
    Ok(report)
}

/// The time is up.
struct Late;

/// Has the pool check each file that the walk meets.
fn submit_all(
    walk: Walk,
    pool: &Pool,
    checker: &Arc<Checker>,
    found: &Sender<Report>,
    bar: &ProgressBar,
    ctx: &Context,
) -> Result<(), Late> {
    for met in walk {
        let path = match met {
            Found::File(path) if is_markdown(&path) => path,
            Found::File(_) | Found::Link(_) => continue,
            Found::Unreadable(path, error) => {
                let report = Report::unreadable(&path, &error);
                found.send_ctx(report, ctx).map_err(|_| Late)?;
                continue;
            }
        };
        bar.inc_length(1);
        let (checker, found, until) = (Arc::clone(checker), found.clone(), ctx.clone());
        let task = move || {
            // If nobody listens any more, it is too late for this.
            let _ = found.send_ctx(checker.file(&path), &until);
        };
        pool.submit_ctx(task, ctx).map_err(|_| Late)?;
    }
    Ok(())
}

fn is_markdown(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("md") || end.eq_ignore_ascii_case("markdown"))
}

/// Adds up what the tasks send, until no task is left that could.
fn add_up(reports: &Receiver<Report>, bar: &ProgressBar, ctx: &Context) -> Result<Report, Late> {
    let mut sum = Report::default();
    loop {
        match reports.recv_ctx(ctx) {
            Ok(report) => {
                sum.add(report);
                bar.inc(1);
            }
            Err(RecvCtxError::Disconnected) => return Ok(sum),
            Err(_) => return Err(Late),
        }
    }
}

/// Shown on a terminal alone.
fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} files");
    ProgressBar::new(0).with_style(style.expect("the template is right"))
}

fn print(report: &Report) {
    for problem in &report.problems {
        println!("{problem}");
    }
    println!(
        "{} in {}, {} of them into the web and not fetched: {}",
        plural(report.links, "link"),
        plural(report.files, "file"),
        examples::thousands(report.web),
        match report.problems.len() as u64 {
            0 => "all is well".to_owned(),
            n => plural(n, "problem"),
        }
    );
}
