//! What there is to be seen, and where.

use super::Inner;
use super::http::{Request, Response, is_known};
use super::state;
use crate::trace::{self, TraceError};
use std::time::Duration;

const JSON: &str = "application/json";

/// The longest trace, in seconds.
const LONGEST: u64 = 60;
/// A trace that is being taken looks so often whether the server has stopped.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn answer(inner: &Inner, request: &Request) -> Response {
    if !is_known(&request.host, &inner.hosts) {
        let text = "this host is not known: debug::Options::allow_host makes it so";
        return Response::error(403, text);
    }
    // A link to the page is fine; that another page asks for data, or has traces taken, is not.
    let foreign =
        request.fetch_site.as_deref().is_some_and(|site| !["same-origin", "none"].contains(&site));
    if foreign && request.path != "/" {
        return Response::error(403, "not for other pages");
    }
    match request.path.as_str() {
        "/" => Response::new("text/html; charset=utf-8", include_str!("page.html")),
        "/state" => Response::new(JSON, state::json(inner)),
        "/metrics" => Response::new(
            "text/plain; version=0.0.4; charset=utf-8",
            inner.sched.metrics().to_prometheus(),
        ),
        "/dump" => dump(inner, request),
        "/goroutines" => {
            Response::new(JSON, super::goroutines::json(&super::super::take(&inner.sched)))
        }
        "/trace" => take_trace(inner, request),
        _ => Response::error(
            404,
            "there is /, /state, /goroutines, /metrics, /dump, /dump?format=json and /trace?seconds=5",
        ),
    }
}

/// Every goroutine with its stack.
fn dump(inner: &Inner, request: &Request) -> Response {
    let format = request.query.iter().find(|(name, _)| name == "format");
    match format.map_or("text", |(_, value)| value.as_str()) {
        "text" => {
            Response::new("text/plain; charset=utf-8", super::super::take(&inner.sched).to_string())
        }
        "json" => Response::new(JSON, super::super::take(&inner.sched).to_json()),
        _ => Response::error(400, "format must be text or json"),
    }
}

/// The value of a number in the query; `default` where there is none.
fn number(request: &Request, name: &str, default: u64, most: u64) -> Result<u64, Response> {
    let Some((_, text)) = request.query.iter().find(|(known, _)| known == name) else {
        return Ok(default);
    };
    match text.parse() {
        Ok(n) if (1..=most).contains(&n) => Ok(n),
        _ => Err(Response::error(400, &format!("{name} must be a whole number from 1 to {most}"))),
    }
}

/// The next seconds. If a trace is on it goes on; else there is one for that time.
fn take_trace(inner: &Inner, request: &Request) -> Response {
    let seconds = match number(request, "seconds", 5, LONGEST) {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(response) => return response,
    };
    let ours = match trace::record(seconds) {
        Ok(()) => true,
        Err(TraceError::AlreadyStarted) => false,
        Err(error) => return Response::error(503, &error.to_string()),
    };
    let end = crate::util::now() + seconds;
    while crate::util::now() < end && !inner.is_stopped() {
        std::thread::sleep(LOOK.min(end.saturating_duration_since(crate::util::now())));
    }
    let taken = trace::last(seconds);
    if ours {
        // Another one may have stopped it: then there is nothing to show either.
        let _ = trace::stop();
    }
    match taken {
        Ok(json) => Response { file: Some("trace.json"), ..Response::new(JSON, json) },
        Err(error) => Response::error(409, &format!("the trace was stopped meanwhile: {error}")),
    }
}
