//! `collections::Slice` and `ForkSlice` beside models: arrays and headers for the one, vectors for the other.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rt::collections::{ForkSlice, Growth, Slice};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Arbitrary, Debug)]
enum Step {
    Append(u8),
    Push(u8),
    AppendAll(Vec<u8>),
    AppendSlice(u8),
    Reslice(u8, u8),
    Reslice3(u8, u8, u8),
    Set(u8, u8),
    CopyFrom(u8),
    Swap(u8, u8),
    Truncate(u8),
    Drop,
}

/// What a header is: a part of an array that others may have, too. No array: nil.
#[derive(Clone)]
struct Header {
    array: Option<Rc<RefCell<Vec<u8>>>>,
    start: usize,
    len: usize,
    cap: usize,
}

impl Header {
    const NIL: Self = Self { array: None, start: 0, len: 0, cap: 0 };

    fn elements(&self) -> Vec<u8> {
        let part = self.start..self.start + self.len;
        self.array.as_ref().map_or(Vec::new(), |array| array.borrow()[part].to_vec())
    }

    fn write(&self, at: usize, values: &[u8]) {
        if let Some(array) = &self.array {
            let at = self.start + at;
            array.borrow_mut()[at..at + values.len()].copy_from_slice(values);
        }
    }

    fn append(&self, values: &[u8], growth: Growth) -> Self {
        let needed = self.len + values.len();
        let mut header = self.clone();
        if needed > self.cap {
            let mut array = self.elements();
            header.cap = growth.next(self.cap, needed);
            array.resize(header.cap, 0);
            header.array = Some(Rc::new(RefCell::new(array)));
            header.start = 0;
        }
        header.len = needed;
        header.write(self.len, values);
        header
    }
}

/// One of three, each with its model. The elements are boxes: what is dropped twice, or leaked, is seen.
struct Three {
    slices: [(Slice<Box<u8>>, Header); 3],
    forks: [(ForkSlice<Box<u8>>, Vec<u8>); 3],
    growth: Growth,
}

fuzz_target!(|program: (bool, Vec<(u8, u8, Step)>)| {
    let (modern, steps) = program;
    let growth = if modern { Growth::Modern } else { Growth::Classic };
    let nil = || (Slice::nil().with_growth(growth), Header::NIL);
    let empty = || (ForkSlice::new(), Vec::new());
    let mut all =
        Three { slices: [nil(), nil(), nil()], forks: [empty(), empty(), empty()], growth };
    for (from, to, step) in steps {
        let (from, to) = (usize::from(from % 3), usize::from(to % 3));
        slice(&mut all, from, to, &step);
        fork(&mut all, from, to, &step);
        for (slice, header) in &all.slices {
            assert_eq!((slice.len(), slice.cap()), (header.len, header.cap));
            assert!(slice.view().iter().map(|element| **element).eq(header.elements()));
        }
        for (fork, model) in &all.forks {
            assert!(fork.iter().map(|element| **element).eq(model.iter().copied()));
        }
    }
});

fn boxed(values: &[u8]) -> Vec<Box<u8>> {
    values.iter().copied().map(Box::new).collect()
}

/// Numbers of at most `max`, in order.
fn ordered<const N: usize>(max: usize, numbers: [u8; N]) -> [usize; N] {
    let mut numbers = numbers.map(|n| usize::from(n) % (max + 1));
    numbers.sort_unstable();
    numbers
}

fn slice(all: &mut Three, from: usize, to: usize, step: &Step) {
    let growth = all.growth;
    let (slice, header) = &all.slices[from];
    let new = match step {
        Step::Append(n) => (slice.append(Box::new(*n)), header.append(&[*n], growth)),
        Step::Push(n) => {
            // In place of the slice itself: it may be the only one, whose elements are moved.
            let header = header.append(&[*n], growth);
            let (slice, model) = &mut all.slices[from];
            slice.push(Box::new(*n));
            *model = header;
            return;
        }
        // Of none at all the length alone is sure.
        Step::AppendAll(values) if values.is_empty() => return,
        Step::AppendAll(values) => (slice.append_all(boxed(values)), header.append(values, growth)),
        Step::AppendSlice(n) => {
            let (other, values) = &all.slices[usize::from(n % 3)];
            (slice.append_slice(other), header.append(&values.elements(), growth))
        }
        Step::Reslice(i, j) => {
            let [i, j] = ordered(header.cap, [*i, *j]);
            let (start, cap) = (header.start + i, header.cap - i);
            (slice.reslice(i..j), Header { start, len: j - i, cap, ..header.clone() })
        }
        Step::Reslice3(i, j, k) => {
            let [i, j, k] = ordered(header.cap, [*i, *j, *k]);
            let (start, cap) = (header.start + i, k - i);
            (slice.reslice3(i, j, k), Header { start, len: j - i, cap, ..header.clone() })
        }
        Step::Set(i, n) if header.len != 0 => {
            let i = usize::from(*i) % header.len;
            slice.set(i, Box::new(*n));
            header.write(i, &[*n]);
            return;
        }
        Step::CopyFrom(n) => {
            let (other, values) = &all.slices[usize::from(n % 3)];
            let mut values = values.elements();
            values.truncate(header.len);
            assert_eq!(slice.copy_from(other), values.len());
            header.write(0, &values);
            return;
        }
        Step::Swap(i, j) if header.len != 0 => {
            let (i, j) = (usize::from(*i) % header.len, usize::from(*j) % header.len);
            slice.swap(i, j);
            let mut values = header.elements();
            values.swap(i, j);
            header.write(0, &values);
            return;
        }
        Step::Drop => (Slice::nil().with_growth(growth), Header::NIL),
        Step::Set(..) | Step::Swap(..) | Step::Truncate(_) => return,
    };
    all.slices[to] =
        if new.1.cap > 2000 { (Slice::nil().with_growth(growth), Header::NIL) } else { new };
}

fn fork(all: &mut Three, from: usize, to: usize, step: &Step) {
    let other = |n: u8| &all.forks[usize::from(n % 3)];
    let (mut fork, mut model) = all.forks[from].clone();
    match step {
        Step::Append(n) => {
            fork = fork.append(Box::new(*n));
            model.push(*n);
        }
        Step::Push(n) => {
            // The original, which may own the tail.
            let (fork, model) = &mut all.forks[from];
            fork.push(Box::new(*n));
            return model.push(*n);
        }
        Step::AppendAll(values) => {
            fork.extend_from_slice(&boxed(values));
            model.extend(values);
        }
        Step::AppendSlice(n) => {
            fork.extend_from_slice(&other(*n).0);
            model.extend(&other(*n).1);
        }
        Step::Reslice(i, j) | Step::Reslice3(i, j, _) => {
            let [i, j] = ordered(model.len(), [*i, *j]);
            fork = fork.reslice(i..j);
            model = model[i..j].to_vec();
        }
        Step::Truncate(n) => {
            fork.truncate((*n).into());
            model.truncate((*n).into());
        }
        Step::CopyFrom(_) => fork = ForkSlice::from_vec(fork.into_vec()),
        Step::Drop => (fork, model) = (ForkSlice::new(), Vec::new()),
        Step::Set(..) | Step::Swap(..) => return,
    }
    all.forks[to] = if model.len() > 2000 { (ForkSlice::new(), Vec::new()) } else { (fork, model) };
}
