//! Beginning and ending a trace.
//!
//! One at a time in a process, for all its runtimes, also for those that are built while it is on.

use super::error::TraceError;
use super::hub::{Hub, Watched, clock};
use super::json::{self, Runtime, Span};
use super::track::MOST_EVENTS;
use crate::prim::global::Mutex;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// What is kept of each P, by default.
const CAPACITY: usize = 1 << 17;

struct State {
    /// Every runtime that there is.
    hubs: Vec<Weak<Hub>>,
    built: u32,
    session: Option<Session>,
    /// One is to begin, and nobody else may begin one, while its file is created: without the lock, for that may take any time, and
    /// who builds a runtime takes it.
    begins: bool,
}

struct Session {
    capacity: usize,
    /// Those that were there at some time of it.
    hubs: Vec<Arc<Hub>>,
    from: u64,
    keep: Keep,
}

/// What is to become of it.
enum Keep {
    /// All of it goes to this file.
    File(PathBuf, File),
    /// The last of it is written when somebody asks.
    Last(Duration),
}

static STATE: Mutex<State> =
    Mutex::new(State { hubs: Vec::new(), built: 0, session: None, begins: false });

/// A runtime is built.
pub(crate) fn hub(procs: u32) -> Arc<Hub> {
    let mut state = STATE.lock();
    state.built += 1;
    let hub = Arc::new(Hub::new(state.built, procs));
    state.hubs.retain(|hub| hub.strong_count() != 0);
    state.hubs.push(Arc::downgrade(&hub));
    if let Some(session) = &mut state.session {
        hub.trace(session.capacity);
        session.hubs.push(Arc::clone(&hub));
    }
    hub
}

/// It can be asked: by traces that begin from now on, and before its first thread is started.
pub(crate) fn register(hub: &Hub, of: Weak<dyn Watched>) {
    let _ = hub.of.set(of);
}

/// How a trace is to be made.
///
/// # Examples
/// ```
/// let path = std::env::temp_dir().join(format!("options-{}.json", std::process::id()));
/// rt::trace::Options::new().capacity(1000).start(&path)?;
/// let summary = rt::trace::stop()?;
/// assert_eq!(summary.lost, 0);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    capacity: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl Options {
    /// The default settings.
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("new-{}.json", std::process::id()));
    /// rt::trace::Options::new().start(&path)?;
    /// assert!(rt::trace::is_on());
    /// rt::trace::stop()?;
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Self {
        Self { capacity: CAPACITY }
    }

    /// How many events are kept of each processor: the last ones. 131,072 by default, in 4 MiB; at most 16,777,215.
    /// Their memory stays with the runtime for the next trace.
    ///
    /// # Examples
    /// ```
    /// use rt::trace::{Options, TraceError};
    /// use std::time::Duration;
    ///
    /// let none = Options::new().capacity(0).record(Duration::from_secs(1));
    /// assert!(matches!(none, Err(TraceError::Invalid(_))));
    /// ```
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events;
        self
    }

    /// See [`start`].
    ///
    /// # Errors
    /// As [`start`], and `Invalid` for a capacity out of range.
    pub fn start(self, path: impl AsRef<Path>) -> Result<(), TraceError> {
        let path = path.as_ref().to_owned();
        self.begin(|| {
            // Now, and not when all is over: it may be that it cannot be written.
            let file = File::create(&path);
            let file = file.map_err(|error| TraceError::Io { path: path.clone(), error })?;
            Ok(Keep::File(path, file))
        })
    }

    /// See [`record`].
    ///
    /// # Errors
    /// As [`record`], and `Invalid` for a capacity out of range.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// rt::trace::Options::new().capacity(1000).record(Duration::from_secs(5))?;
    /// assert!(rt::trace::stop()?.span <= Duration::from_secs(5));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn record(self, last: Duration) -> Result<(), TraceError> {
        self.begin(|| Ok(Keep::Last(last)))
    }

    fn begin(self, keep: impl FnOnce() -> Result<Keep, TraceError>) -> Result<(), TraceError> {
        let capacity = self.capacity;
        if !(1..MOST_EVENTS).contains(&capacity) {
            return Err(TraceError::Invalid(format!(
                "a trace keeps from 1 to {} events of each processor, not {capacity}",
                MOST_EVENTS - 1
            )));
        }
        {
            let mut state = STATE.lock();
            if state.session.is_some() || state.begins {
                return Err(TraceError::AlreadyStarted);
            }
            state.begins = true;
        }
        let keep = keep();
        let mut state = STATE.lock();
        state.begins = false;
        let keep = keep?;
        let hubs: Vec<_> = state.hubs.iter().filter_map(Weak::upgrade).collect();
        let from = clock();
        hubs.iter().for_each(|hub| hub.trace(capacity));
        state.session = Some(Session { capacity, hubs, from, keep });
        Ok(())
    }
}

/// Begins a trace of every runtime in the process. [`stop`] writes it to `path`, which is created now.
///
/// It holds who ran where and for how long, who waited for what, who made whom runnable, what was stolen, which processor was
/// taken from which thread, and why. Open it at <https://ui.perfetto.dev>; it is a file of Chrome's trace-event
/// format. Go's `trace.Start`.
///
/// Of each processor the last 131,072 events are kept, by default; what is lost is counted. An event costs some 50 ns. While
/// no trace is on, it costs nothing that can be measured.
///
/// # Errors
/// [`TraceError::AlreadyStarted`] when one is on, or begins; [`TraceError::Io`] when the file cannot be created.
///
/// # Examples
/// ```
/// #[rt::main]
/// fn main() -> std::io::Result<()> {
/// #   let path = std::env::temp_dir().join(format!("trace-{}.json", std::process::id()));
///     rt::trace::start(&path)?;
///     rt::spawn(|| rt::time::sleep(std::time::Duration::from_millis(1))).join().unwrap();
///     let summary = rt::trace::stop()?;
///     assert!(summary.events > 4 && summary.lost == 0);
/// #   std::fs::remove_file(path)?;
///     Ok(())
/// }
/// ```
pub fn start(path: impl AsRef<Path>) -> Result<(), TraceError> {
    Options::new().start(path)
}

/// Begins to record, as a flight recorder does: [`write`](fn@write) puts the last seconds into a file, as often as it is called; until
/// [`stop`]. So what led to something rare is there when it has happened. Go's `trace.FlightRecorder`.
///
/// How far back it goes is bounded by `last`, and by how many events are kept (see [`Options::capacity`]).
///
/// # Errors
/// [`TraceError::AlreadyStarted`] when a trace is on, or begins.
///
/// # Examples
/// ```
/// # let path = std::env::temp_dir().join(format!("last-{}.json", std::process::id()));
/// use std::time::Duration;
/// rt::trace::record(Duration::from_secs(5))?;
/// // .. much later, something takes too long:
/// let summary = rt::trace::write(&path)?;
/// assert!(summary.span <= Duration::from_secs(5));
/// rt::trace::stop()?;
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn record(last: Duration) -> Result<(), TraceError> {
    Options::new().record(last)
}

/// Ends what [`start`] or [`record`] began. What [`start`] began is written to its file.
///
/// # Errors
/// [`TraceError::NotStarted`] when no trace is on; [`TraceError::Io`] when the file cannot be written: the trace is over
/// then as well.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// rt::trace::record(Duration::from_secs(5))?;
/// assert!(rt::trace::stop()?.span <= Duration::from_secs(5));
/// assert!(rt::trace::stop().is_err(), "none is on");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn stop() -> Result<Summary, TraceError> {
    let mut state = STATE.lock();
    let session = state.session.take().ok_or(TraceError::NotStarted)?;
    session.hubs.iter().for_each(|hub| hub.end_trace());
    let to = clock();
    drop(state);
    let from = session.begins(to, None);
    let (runtimes, span) = collect(&session.hubs, from, to);
    match &session.keep {
        Keep::File(path, file) => save(path, file, &runtimes, span),
        Keep::Last(_) => Ok(summary(&runtimes, span)),
    }
}

/// Writes to `path` what is there of the trace that is on, which goes on: all of it, or what [`record`] was told to keep.
///
/// # Errors
/// [`TraceError::NotStarted`] when no trace is on; [`TraceError::Io`] when the file cannot be written.
///
/// # Examples
/// ```
/// let path = std::env::temp_dir().join(format!("write-{}.json", std::process::id()));
/// assert!(rt::trace::write(&path).is_err(), "none is on");
/// rt::trace::record(std::time::Duration::from_secs(5))?;
/// rt::trace::write(&path)?;
/// assert!(std::fs::read_to_string(&path)?.contains("traceEvents"));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write(path: impl AsRef<Path>) -> Result<Summary, TraceError> {
    let path = path.as_ref();
    let (runtimes, span) = snapshot(None)?;
    let file =
        File::create(path).map_err(|error| TraceError::Io { path: path.to_owned(), error })?;
    save(path, &file, &runtimes, span)
}

/// Whether a trace is on.
///
/// # Examples
/// ```
/// assert!(!rt::trace::is_on());
/// rt::trace::record(std::time::Duration::from_secs(5))?;
/// assert!(rt::trace::is_on());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn is_on() -> bool {
    STATE.lock().session.is_some()
}

/// The same as [`write`](fn@write) into memory, and for no more than the `last` of it.
///
/// # Errors
/// When no trace is on.
#[cfg(feature = "debug-server")]
pub(crate) fn last(last: Duration) -> Result<Vec<u8>, TraceError> {
    let (runtimes, span) = snapshot(Some(last))?;
    let mut out = Vec::new();
    json::write(&mut out, &runtimes, span)
        .map_err(|error| TraceError::Io { path: PathBuf::new(), error })?;
    Ok(out)
}

/// What a trace holds.
///
/// # Examples
/// ```
/// rt::trace::record(std::time::Duration::from_secs(5))?;
/// let summary = rt::trace::stop()?;
/// assert_eq!((summary.events, summary.lost), (0, 0), "there is no runtime here");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Events of the scheduler that are in it.
    pub events: u64,
    /// Events that were overwritten by later ones.
    pub lost: u64,
    /// From its beginning to its end.
    pub span: Duration,
}

impl Session {
    /// Where what is shown begins.
    fn begins(&self, now: u64, last: Option<Duration>) -> u64 {
        let kept = match self.keep {
            Keep::Last(kept) => Some(kept),
            Keep::File(..) => None,
        };
        let last = [kept, last].into_iter().flatten().min();
        let since = last.and_then(|last| u64::try_from(last.as_nanos()).ok());
        self.from.max(since.map_or(0, |since| now.saturating_sub(since)))
    }
}

fn snapshot(last: Option<Duration>) -> Result<(Vec<Runtime>, Span), TraceError> {
    let state = STATE.lock();
    let session = state.session.as_ref().ok_or(TraceError::NotStarted)?;
    let (hubs, to) = (session.hubs.clone(), clock());
    let from = session.begins(to, last);
    drop(state);
    Ok(collect(&hubs, from, to))
}

/// Copies what was kept. Nobody waits for that.
fn collect(hubs: &[Arc<Hub>], from: u64, to: u64) -> (Vec<Runtime>, Span) {
    let mut lost = 0;
    let mut runtimes = Vec::with_capacity(hubs.len());
    for hub in hubs {
        let mut events = Vec::new();
        let outside = hub.outside.lock().copy();
        let tracks = hub.tracks.iter().zip(0..).map(|(track, p)| (Some(p), track.copy()));
        for (p, mut copied) in tracks.chain([(None, outside)]) {
            // What was overwritten is missed only if it was not before all that is shown.
            if copied.entries.first().is_none_or(|first| first.at > from) {
                lost += copied.lost;
            }
            copied.entries.retain(|entry| entry.at <= to);
            events.extend(copied.entries.into_iter().map(|entry| (p, entry)));
        }
        // Stable: on one track they are in order already.
        events.sort_by_key(|(_, entry)| entry.at);
        runtimes.push(Runtime { hub: Arc::clone(hub), events });
    }
    (runtimes, Span { from, to, lost })
}

fn save(path: &Path, file: &File, runtimes: &[Runtime], span: Span) -> Result<Summary, TraceError> {
    let write = || -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        json::write(&mut out, runtimes, span)?;
        out.flush()
    };
    match write() {
        Ok(()) => Ok(summary(runtimes, span)),
        Err(error) => Err(TraceError::Io { path: path.to_owned(), error }),
    }
}

fn summary(runtimes: &[Runtime], span: Span) -> Summary {
    let shown = |runtime: &Runtime| {
        runtime.events.iter().filter(|(_, entry)| entry.at >= span.from).count() as u64
    };
    Summary {
        events: runtimes.iter().map(shown).sum(),
        lost: span.lost,
        span: Duration::from_nanos(span.to.saturating_sub(span.from)),
    }
}
