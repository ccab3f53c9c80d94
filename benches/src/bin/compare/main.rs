//! Puts every row to every peer and shows the medians side by side.
//!
//! Each peer, row and number of workers runs in a process of its own, so that
//! no peer's threads or heap disturb another. Rounds are interleaved, and odd
//! ones run backwards, so that a slow drift of the machine hits all alike.

#![forbid(unsafe_code)]

mod args;
mod charts;
mod curve;
mod curve_chart;
mod machine;
mod plan;
mod process;
mod results;
mod saved;
mod table;

use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

use args::{Args, GO, Request};
use benches::child::{self, Job};
use benches::net;
use benches::row::Row;
use process::{CHILD, DRIVE, Launcher};
use results::Results;
use saved::Saved;
use std::path::{Path, PathBuf};

fn main() -> ExitCode {
    let mut words: Vec<String> = env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some(CHILD) => child(&words.split_off(1)),
        Some(DRIVE) => drive(&words.split_off(1)),
        _ => match args::parse(words.into_iter()) {
            Ok(request) => serve(request),
            Err(error) => Err(format!("{error}\n{}", args::USAGE).into()),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs as the child of another `compare`.
fn child(words: &[String]) -> Result<(), Box<dyn Error>> {
    let (peer, job) = words.split_first().ok_or("no peer")?;
    println!("{}", child::run(peer, &Job::from_args(job)?)?);
    Ok(())
}

/// Runs as the driver of a server, whose command line follows the job.
fn drive(words: &[String]) -> Result<(), Box<dyn Error>> {
    let (job, server) = words.split_at_checked(Job::WORDS).ok_or("no job")?;
    println!("{}", net::drive(&Job::from_args(job)?, server)?);
    Ok(())
}

fn serve(request: Request) -> Result<(), Box<dyn Error>> {
    match request {
        Request::Help => println!("{}", args::USAGE),
        Request::List => {
            let rows: Vec<_> = Row::ALL.iter().map(|row| row.spec().name).collect();
            let peers: Vec<_> = args::all_peers().collect();
            let curves: Vec<_> = curve::CURVES.iter().map(|curve| curve.name).collect();
            let lines = [("rows", rows), ("curves", curves), ("peers", peers)];
            for (what, names) in lines {
                println!("{what}: {}", names.join(" "));
            }
            println!("not here: ants, a pool: cargo run --release -p benches --bin pool");
        }
        Request::Compare(args) => compare(args)?,
        Request::Charts { files, folder } => {
            for file in files {
                draw(&file, &folder).map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
    }
    Ok(())
}

/// Takes out the rows that cannot be run here, and says so.
fn skip_rows(results: &mut Results) {
    let (rows, curves) = (results.args.rows.clone(), results.args.curves.clone());
    if !net::wrk_is_installed() {
        for row in rows.iter().filter(|row| row.is_http()) {
            results.skip(row.spec().name, "wrk is not installed: apt-get install wrk");
        }
        results.args.rows.retain(|row| !row.is_http());
        if curves.iter().any(|curve| curve.is_net()) {
            results.skip("the curve of connections", "wrk is not installed: apt-get install wrk");
        }
        results.args.curves.retain(|curve| !curve.is_net());
    }
    let has_net = rows.iter().any(|row| row.is_net()) || curves.iter().any(|curve| curve.is_net());
    if has_net && !cfg!(feature = "net") && results.args.peers.contains(&"rt") {
        results.skip("rt's rows of connections", "this was built without the feature `net`");
    }
}

fn compare(args: Args) -> Result<(), Box<dyn Error>> {
    let mut results = Results::new(args);
    let mut peers = results.args.peers.clone();
    let mut go = None;
    if peers.contains(&GO) {
        match process::go::build() {
            Ok(binary) => go = Some(binary),
            Err(error) => {
                eprintln!("go: {error}");
                results.skip(GO, &error);
                peers.retain(|&peer| peer != GO);
            }
        }
    }
    skip_rows(&mut results);
    let launcher = Launcher::new(go, results.args.timeout)?;
    plan::run(&peers, &launcher, &mut results);
    let json = results.json();
    if let Some(path) = &results.args.json {
        fs::write(path, format!("{json:#}\n"))?;
    }
    let saved = Saved::read(&json)?;
    print!("{}", table::markdown(&results, &curve_chart::tables(&saved)));
    if let Some(folder) = &results.args.charts {
        say_files(&charts::draw(&saved, folder)?);
    }
    Ok(())
}

/// Tables of the curves, and all charts, of a call whose results were saved.
fn draw(file: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let saved = Saved::read(&serde_json::from_str(&fs::read_to_string(file)?)?)?;
    print!("{}", curve_chart::tables(&saved));
    say_files(&charts::draw(&saved, folder)?);
    Ok(())
}

fn say_files(files: &[PathBuf]) {
    if files.is_empty() {
        eprintln!("nothing to draw: no curve, and no row that Go has, too");
    }
    for file in files {
        eprintln!("wrote {}", file.display());
    }
}
