//! A server that sends back what it gets, and a client that loads it and checks every byte.
//!
//! ```text
//! cargo run --release --example echo -- serve --port 7007
//! cargo run --release --example echo -- load --port 7007 --conns 100 --secs 5
//! ```
//!
//! `--help` says what may be set:
//!
//! ```text
//! usage: echo serve [--port N]
//!        echo load --port N [--conns N] [--secs S] [--size BYTES]
//!
//! serve  until Ctrl-C, on 127.0.0.1; port 0, the default, is one that is free
//! load   N connections (10), for S seconds (1), messages of so many bytes (1024)
//! ```
//!
//! Both count: at its end each says how many connections there were and how many bytes came and went. The exit code of
//! `load` is 0 if every byte came back as it was sent, 1 if not; it is 2 if there was nothing to do.
//!
//! # How it works
//!
//! The server has a goroutine per connection. The client has two: one writes messages without waiting for the answers, and one
//! reads and compares. So both directions are busy at the same time, and neither side can be held up by the other's
//! buffers. When the time is up the writer shuts its direction down; the server then reads the end, sends back what it still
//! has, and closes; and the reader has to have got as much as was written.

mod load;
mod serve;

use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
usage: echo serve [--port N]
       echo load --port N [--conns N] [--secs S] [--size BYTES]

serve  until Ctrl-C, on 127.0.0.1; port 0, the default, is one that is free
load   N connections (10), for S seconds (1), messages of so many bytes (1024)
";

#[rt::main]
fn main() -> ExitCode {
    let arguments = examples::arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--help" | "-h"] => return examples::help(USAGE),
        ["serve"] => serve::run(0),
        ["serve", "--port", port] => match port.parse() {
            Ok(port) => serve::run(port),
            Err(_) => Err(format!("--port wants a number from 0 to 65535, not {port:?}")),
        },
        ["load", ref options @ ..] => Plan::parse(options).and_then(|plan| load::run(&plan)),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    done.unwrap_or_else(|problem| {
        eprintln!("echo: {problem}");
        ExitCode::from(2)
    })
}

/// What `load` is to do.
struct Plan {
    port: u16,
    conns: usize,
    time: Duration,
    size: usize,
}

impl Plan {
    fn parse(options: &[&str]) -> Result<Plan, String> {
        let mut plan = Plan { port: 0, conns: 10, time: Duration::from_secs(1), size: 1024 };
        for option in options.chunks(2) {
            let [name, value] = option[..] else {
                return Err(format!("{} wants a value", option[0]));
            };
            let wrong = |what| format!("{name} wants {what}, not {value:?}");
            match name {
                "--port" => plan.port = value.parse().map_err(|_| wrong("a number to 65535"))?,
                "--conns" => match value.parse() {
                    Ok(conns @ 1..=1_000_000) => plan.conns = conns,
                    _ => return Err(wrong("a number from 1 to 1000000")),
                },
                "--secs" => match value.parse() {
                    Ok(secs) if (0.0..=86_400.0).contains(&secs) => {
                        plan.time = Duration::from_secs_f64(secs);
                    }
                    _ => return Err(wrong("seconds, from 0 to 86400")),
                },
                "--size" => match value.parse() {
                    Ok(size @ 1..=1_048_576) => plan.size = size,
                    _ => return Err(wrong("a number from 1 to 1048576")),
                },
                _ => return Err(format!("there is no option {name:?}")),
            }
        }
        if plan.port == 0 {
            return Err("load wants a --port".to_string());
        }
        Ok(plan)
    }
}
