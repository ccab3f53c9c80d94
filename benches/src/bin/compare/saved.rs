//! What a call of `compare` found out, as its JSON has it: what charts and curves are made of.

use benches::row::{Better, Row};
use serde_json::Value;

use crate::args::GO;
use crate::curve::{CURVES, Curve};

/// One peer's figures for one row.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) peer: String,
    pub(crate) row: Row,
    pub(crate) procs: usize,
    pub(crate) size: usize,
    pub(crate) curve: Option<&'static Curve>,
    /// One for each metric of the row; none where the peer failed.
    pub(crate) figures: Vec<f64>,
}

/// The results of one call.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Processor, kernel and date.
    machine: String,
    pub(crate) cores: u64,
    /// Name and version of what took part, the commit among them.
    versions: Vec<(String, String)>,
    /// Rounds, repeats, load.
    method: String,
    /// What was not there, and why.
    pub(crate) skipped: Vec<String>,
    pub(crate) points: Vec<Point>,
}

impl Saved {
    /// Reads what `Results::json` wrote.
    pub(crate) fn read(json: &Value) -> Result<Self, String> {
        let list = |key: &str| json[key].as_array().ok_or_else(|| format!("no {key}"));
        let mut points: Vec<Point> =
            list("results")?.iter().map(point).collect::<Result<_, _>>()?;
        // A peer that failed after it had answered keeps its answers.
        for failure in list("failures")? {
            let failed = point(failure)?;
            if !points.iter().any(|point| point.is_at(&failed)) {
                points.push(failed);
            }
        }
        let machine = &json["machine"];
        let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
        let versions = json["versions"].as_object().ok_or("no versions")?;
        let loads = json["loads"].as_array().into_iter().flatten().filter_map(Value::as_f64);
        let settings = &json["settings"];
        let skipped = list("skipped")?.iter();
        Ok(Self {
            machine: format!(
                "{}, {} cores, {} GiB, Linux {}, {}",
                text(&machine["cpu"]),
                machine["cores"],
                machine["memory_gib"],
                text(&machine["kernel"]),
                json["date"].as_str().unwrap_or("no date"),
            ),
            cores: machine["cores"].as_u64().unwrap_or(0),
            versions: versions.iter().map(|(name, it)| (name.clone(), text(it))).collect(),
            method: format!(
                "medians, rounds: {}, repeats: {}, highest load before a process: {:.1}",
                settings["rounds"],
                settings["repeats"],
                loads.fold(0.0, f64::max)
            ),
            skipped: skipped
                .map(|what| format!("{}: {}", text(&what["what"]), text(&what["reason"])))
                .collect(),
            points,
        })
    }

    /// What the numbers were taken on and with, in a line or two; of the peers only these.
    pub(crate) fn origin(&self, peers: &[&str]) -> Vec<String> {
        let version = |name: &str| {
            let (_, version) = self.versions.iter().find(|(known, _)| known == name)?;
            let version = version.trim_start_matches("go1").split(' ').next()?;
            let version = if name == GO { format!("1{version}") } else { version.to_owned() };
            Some(format!("{name} {version}"))
        };
        let known = |name: &&str| peers.contains(name) && *name != "rt";
        let names = self.versions.iter().map(|(name, _)| name.as_str()).filter(known);
        let versions: Vec<String> =
            ["commit", "rustc"].into_iter().chain(names).filter_map(version).collect();
        let missing =
            (!self.skipped.is_empty()).then(|| format!("Missing: {}.", self.skipped.join("; ")));
        [format!("{}; {}.", self.machine, self.method), format!("{}.", versions.join(", "))]
            .into_iter()
            .chain(missing)
            .collect()
    }
}

impl Point {
    fn is_at(&self, other: &Point) -> bool {
        let same_curve = self.curve.map(|curve| curve.name) == other.curve.map(|curve| curve.name);
        same_curve
            && (&self.peer, self.row, self.procs, self.size)
                == (&other.peer, other.row, other.procs, other.size)
    }

    /// The figure of the row's metric of that name.
    pub(crate) fn figure(&self, metric: &str) -> Option<f64> {
        let index = self.row.spec().metrics.iter().position(|known| known.name == metric)?;
        self.figures.get(index).copied()
    }

    /// How many times as much it costs as the other one: of a rate, the inverse.
    pub(crate) fn times(&self, other: &Point, metric: &str) -> Option<f64> {
        let ratio = self.figure(metric)? / other.figure(metric)?;
        let known = self.row.spec().metrics.iter().find(|known| known.name == metric)?;
        let ratio = match known.better {
            Better::Lower => ratio,
            Better::Higher => 1.0 / ratio,
        };
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }
}

/// Reads a result, or a failure, which has no figures.
fn point(value: &Value) -> Result<Point, String> {
    let bad = || format!("not a result: {value}");
    let number = |key: &str| value[key].as_u64().map(|number| number as usize);
    let name = value["curve"].as_str();
    let curve = name.and_then(|name| CURVES.iter().find(|curve| curve.name == name));
    let medians = value["metrics"].as_array().into_iter().flatten();
    Ok(Point {
        peer: value["peer"].as_str().ok_or_else(bad)?.to_owned(),
        row: value["row"].as_str().and_then(Row::named).ok_or_else(bad)?,
        procs: number("procs").ok_or_else(bad)?,
        size: number("size").unwrap_or(0),
        curve: if name.is_some() { Some(curve.ok_or_else(bad)?) } else { None },
        figures: medians.map(|metric| metric["median"].as_f64().unwrap_or(f64::NAN)).collect(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::results::Cell;
    use crate::results::tests::{cell, results};

    #[test]
    fn what_was_measured_is_read_again() {
        let mut results = results("--peers go,may --procs 1");
        results.add(cell("go", Row::HttpRaw, 64), vec![vec![100.0, 9.0, 5.0]]);
        results.add(cell("may", Row::HttpRaw, 64), vec![vec![200.0, 18.0, 5.0]]);
        results.fail(cell("may", Row::HttpRaw, 64), 1, "gone".to_owned());
        results.fail(cell("may", Row::Skynet, 1), 0, "no mappings left".to_owned());
        let curve = Some(&CURVES[0]);
        results.add(Cell { curve, ..cell("go", Row::SpawnBatch, 1000) }, vec![vec![7.0]]);
        results.skip("smol", "not today");

        let saved = Saved::read(&results.json()).expect("a JSON of ours");
        let [go, may, curve, failed] = &saved.points[..] else { panic!("{saved:?}") };
        assert_eq!(may.times(go, "rate"), Some(0.5));
        assert_eq!(may.times(go, "p99"), Some(2.0));
        assert_eq!(may.times(go, "no such"), None);
        assert_eq!((curve.curve.map(|curve| curve.name), curve.size), (Some("spawn"), 1000));
        assert_eq!((failed.row, failed.figure("time")), (Row::Skynet, None));
        assert!(saved.origin(&["go"]).concat().contains("Missing: smol: not today."));
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        assert!(Saved::read(&Value::Null).is_err());
        assert!(point(&serde_json::json!({ "row": "nope", "peer": "go", "procs": 1 })).is_err());
    }
}
