//! Who waits for whom: goroutines that wait for each other in a circle, and channels whose other side nobody is left to be.
//!
//! An edge goes from a goroutine that waits, without a deadline, to one that it cannot go on without: whose end it waits for, or
//! which has locked what it waits for. Each edge alone keeps its goroutine where it is, so a circle of them is for ever, unless
//! somebody is aborted; but a lock's guard may have been given to another goroutine, who unlocks it (`sync::owner`).

#![forbid(unsafe_code)]

use super::goroutine::Goroutine;
use super::wait::Channel;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

/// Goroutines that wait for each other in a circle.
///
/// # Examples
/// ```
/// use rt::chan::Chan;
///
/// #[rt::main]
/// fn main() {
///     // Each is given the other's handle, and joins it.
///     let (to_a, to_b) = (Chan::new(1), Chan::new(1));
///     let a = rt::go!(to_a => { let b: rt::JoinHandle<()> = to_a.recv().unwrap(); b.join().unwrap() });
///     let b = rt::go!(to_b => { let a: rt::JoinHandle<()> = to_b.recv().unwrap(); a.join().unwrap() });
///     let ids = [a.task().id().get(), b.task().id().get()];
///     to_a.send(b);
///     to_b.send(a);
///     while rt::dump().cycles().is_empty() {
///         rt::yield_now();
///     }
///     let dump = rt::dump();
///     assert_eq!(dump.cycles()[0].goroutines(), ids);
///     assert_eq!(dump.stuck().count(), 2);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    ids: Vec<u64>,
    /// What each of them waits for.
    waits: Vec<String>,
}

impl Cycle {
    /// Their ids: each waits for the next, and the last for the first, which has the lowest.
    pub fn goroutines(&self) -> &[u64] {
        &self.ids
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "goroutine {}", self.ids[0])?;
        for (i, wait) in self.waits.iter().enumerate() {
            let which = if i == 0 { "" } else { ", which" };
            let next = self.ids[(i + 1) % self.ids.len()];
            write!(f, "{which} waits for goroutine {next} ({wait})")?;
        }
        Ok(())
    }
}

/// All of them; of those that share goroutines, at least one.
pub(super) fn find(goroutines: &[Goroutine]) -> Vec<Cycle> {
    let by_id: HashMap<u64, usize> = goroutines.iter().zip(0..).map(|(g, i)| (g.id, i)).collect();
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, g) in goroutines.iter().enumerate() {
        if let Some(scope) = g.scope {
            children.entry(scope).or_default().push(i);
        }
    }
    let edges = |i: usize| -> Vec<usize> {
        let Some(wait) = goroutines[i].wait.as_ref().filter(|_| !goroutines[i].timed) else {
            return Vec::new();
        };
        match (wait.kind, wait.address) {
            ("scope", Some(scope)) => children.get(&scope).cloned().unwrap_or_default(),
            _ => wait.goroutine.and_then(|id| by_id.get(&id)).copied().into_iter().collect(),
        }
    };
    let mut found = Vec::new();
    let mut seen: HashSet<Vec<usize>> = HashSet::new();
    let mut done = vec![false; goroutines.len()];
    let mut place = vec![None; goroutines.len()];
    for start in 0..goroutines.len() {
        // The way from the start, and for each step what is still to be tried. No recursion: chains are long.
        let mut path: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut next = Some(start).filter(|start| !done[*start]);
        loop {
            if let Some(at) = next.take() {
                place[at] = Some(path.len());
                path.push((at, edges(at)));
            }
            let Some((at, rest)) = path.last_mut() else { break };
            match rest.pop() {
                Some(to) if done[to] => {}
                Some(to) => match place[to] {
                    Some(from) => {
                        let mut ring: Vec<_> = path[from..].iter().map(|(at, _)| *at).collect();
                        let least = (0..ring.len()).min_by_key(|place| goroutines[ring[*place]].id);
                        ring.rotate_left(least.unwrap_or(0));
                        if seen.insert(ring.clone()) {
                            found.push(cycle(goroutines, &ring));
                        }
                    }
                    None => next = Some(to),
                },
                None => {
                    done[*at] = true;
                    place[*at] = None;
                    path.pop();
                }
            }
        }
    }
    found
}

fn cycle(goroutines: &[Goroutine], ring: &[usize]) -> Cycle {
    let wait =
        |i: &usize| goroutines[*i].wait.as_ref().map_or_else(String::new, ToString::to_string);
    Cycle {
        ids: ring.iter().map(|i| goroutines[*i].id).collect(),
        waits: ring.iter().map(wait).collect(),
    }
}

/// Channels that have no more handles than goroutines wait for them, all on the same side; and those goroutines.
pub(super) fn abandoned(goroutines: &[Goroutine]) -> Vec<(Channel, Vec<u64>)> {
    let mut waiters: BTreeMap<usize, (Channel, Vec<u64>, bool)> = BTreeMap::new();
    for g in goroutines {
        let Some(wait) = &g.wait else { continue };
        for channel in &wait.channels {
            let entry = waiters.entry(channel.address);
            let (first, ids, alike) = entry.or_insert((*channel, Vec::new(), true));
            *alike &= first.sends == channel.sends && !g.timed;
            if ids.last() != Some(&g.id) {
                ids.push(g.id);
            }
        }
    }
    let few = |(channel, ids, alike): &(Channel, Vec<u64>, bool)| {
        *alike && channel.handles.is_some_and(|handles| handles <= ids.len())
    };
    waiters.into_values().filter(few).map(|(channel, ids, _)| (channel, ids)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::goroutine::{Goroutine, State};
    use super::super::wait::Wait;
    use super::find;
    use std::sync::Arc;

    /// Goroutine `id` waits for goroutine `on`.
    fn waiter(id: u64, on: Option<u64>) -> Goroutine {
        let wait = Wait {
            kind: "join",
            address: None,
            file: None,
            goroutine: on,
            channels: Vec::new(),
            readers: 0,
            is_for_ever: false,
        };
        Goroutine {
            id,
            name: None,
            state: State::Waiting,
            has_started: true,
            wait: on.map(|_| wait),
            since: None,
            timed: false,
            left: None,
            site: None,
            parent: 0,
            scope: None,
            pinned: false,
            thread: None,
            stack_size: None,
            stack_used: None,
            stack: Arc::new([]),
            frames: Arc::new([]),
        }
    }

    fn rings(edges: &[(u64, Option<u64>)]) -> Vec<Vec<u64>> {
        let all: Vec<_> = edges.iter().map(|&(id, on)| waiter(id, on)).collect();
        find(&all).iter().map(|cycle| cycle.goroutines().to_vec()).collect()
    }

    #[test]
    fn rings_are_found_once_and_chains_are_none() {
        assert!(rings(&[(1, Some(2)), (2, Some(3)), (3, None)]).is_empty());
        assert!(rings(&[(1, Some(9))]).is_empty());
        assert_eq!(rings(&[(1, Some(1))]), [[1]]);
        let tails = [(1, Some(3)), (2, Some(3)), (3, Some(5)), (4, Some(3)), (5, Some(4))];
        assert_eq!(rings(&tails), [[3, 5, 4]]);
        let two = [(1, Some(2)), (2, Some(1)), (3, Some(4)), (4, Some(3))];
        assert_eq!(rings(&two), [[1, 2], [3, 4]]);
    }

    #[test]
    fn who_has_a_deadline_is_in_no_ring() {
        let mut all = [waiter(1, Some(2)), waiter(2, Some(1))];
        all[1].timed = true;
        assert!(find(&all).is_empty());
    }

    #[test]
    fn a_scope_waits_for_all_its_children() {
        let mut all = [waiter(1, Some(0)), waiter(2, None), waiter(3, Some(1))];
        if let Some(wait) = &mut all[0].wait {
            (wait.kind, wait.address, wait.goroutine) = ("scope", Some(64), None);
        }
        all[1].scope = Some(64);
        all[2].scope = Some(64);
        let rings: Vec<_> = find(&all).iter().map(|cycle| cycle.goroutines().to_vec()).collect();
        assert_eq!(rings, [[1, 3]]);
    }

    #[test]
    fn a_long_chain_takes_no_stack() {
        let all: Vec<_> = (1..100_000).map(|id| waiter(id, Some(id + 1))).collect();
        assert!(find(&all).is_empty());
    }
}
