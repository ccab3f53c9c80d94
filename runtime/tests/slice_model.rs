//! `Slice` against a model that is simple enough to be right: arrays full of zeros, and headers with numbers. Random
//! operations on a few slices that share arrays; after each, all of them are compared. A failure prints its seed:
//! `RT_SEED=n cargo test -p rt --test slice_model` runs that one.

use rt::collections::{Growth, Slice};

/// `cap` places from `start` in the array of this number, `len` of them used. No array: nil.
#[derive(Clone, Copy, Debug)]
struct Header {
    array: Option<usize>,
    start: usize,
    len: usize,
    cap: usize,
}

#[derive(Default)]
struct Model {
    arrays: Vec<Vec<u32>>,
}

impl Model {
    fn elements(&self, h: Header) -> &[u32] {
        h.array.map_or(&[], |array| &self.arrays[array][h.start..h.start + h.len])
    }

    fn append(&mut self, h: Header, values: &[u32], growth: Growth) -> Header {
        let needed = h.len + values.len();
        if values.is_empty() && needed <= h.cap {
            return h;
        }
        let mut h = h;
        if needed > h.cap {
            let mut array = self.elements(h).to_vec();
            let cap = growth.next(h.cap, needed);
            array.resize(cap, 0);
            self.arrays.push(array);
            h = Header { array: Some(self.arrays.len() - 1), start: 0, len: h.len, cap };
        }
        let at = h.start + h.len;
        self.arrays[h.array.unwrap()][at..at + values.len()].copy_from_slice(values);
        Header { len: needed, ..h }
    }
}

struct Random(u64);

impl Random {
    /// Less than `n`.
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// From `a` to `b`, both included.
    fn between(&mut self, a: usize, b: usize) -> usize {
        a + self.below(b - a + 1)
    }
}

fn run(seed: u64, operations: usize) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let growth = [Growth::Classic, Growth::Modern][random.below(2)];
    let mut model = Model::default();
    let nil = Header { array: None, start: 0, len: 0, cap: 0 };
    let mut all = vec![(Slice::nil().with_growth(growth), nil); 4];
    for n in 0..operations {
        let n = n as u32 + 1;
        let (from, to) = (random.below(all.len()), random.below(all.len()));
        let (s, h) = all[from].clone();
        let new = match random.below(8) {
            0 => (s.append(n), model.append(h, &[n], growth)),
            1 => {
                let values: Vec<u32> = (0..random.below(6) as u32).map(|i| n + i).collect();
                (s.append_all(values.clone()), model.append(h, &values, growth))
            }
            2 => {
                let (t, g) = all[to].clone();
                let values = model.elements(g).to_vec();
                (s.append_slice(&t), model.append(h, &values, growth))
            }
            3 => {
                let j = random.between(0, h.cap);
                let i = random.between(0, j);
                let g = Header { start: h.start + i, len: j - i, cap: h.cap - i, ..h };
                (s.reslice(i..j), g)
            }
            4 => {
                let k = random.between(0, h.cap);
                let j = random.between(0, k);
                let i = random.between(0, j);
                let g = Header { start: h.start + i, len: j - i, cap: k - i, ..h };
                (s.reslice3(i, j, k), g)
            }
            5 if h.len > 0 => {
                let i = random.below(h.len);
                s.set(i, n);
                model.arrays[h.array.unwrap()][h.start + i] = n;
                (s, h)
            }
            6 => {
                let (t, g) = all[to].clone();
                let values = model.elements(g).to_vec();
                let count = s.copy_from(&t);
                assert_eq!(count, values.len().min(h.len), "seed {seed}");
                if let Some(array) = h.array {
                    model.arrays[array][h.start..h.start + count].copy_from_slice(&values[..count]);
                }
                (s, h)
            }
            // In place of the slice itself: it may be the only one, whose elements are moved.
            _ => {
                drop(s);
                all[from].0.push(n);
                all[from].1 = model.append(h, &[n], growth);
                // A slice that grows for ever shows nothing more.
                if all[from].1.cap > 3000 {
                    all[from] = (Slice::make(0, 3).with_growth(growth), nil);
                    model.arrays.push(vec![0; 3]);
                    all[from].1 = Header { array: Some(model.arrays.len() - 1), cap: 3, ..nil };
                }
                all[from].clone()
            }
        };
        all[to] = new;
        for (s, h) in &all {
            assert_eq!(*s, model.elements(*h), "seed {seed}, operation {n}");
            assert_eq!((s.len(), s.cap()), (h.len, h.cap), "seed {seed}, operation {n}");
        }
        for (s, h) in &all {
            for (t, g) in &all {
                let shared = h.array.is_some() && h.array == g.array;
                assert_eq!(s.shares_array_with(t), shared, "seed {seed}, operation {n}");
            }
        }
    }
}

#[test]
fn random_operations() {
    if let Some(seed) = std::env::var("RT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return run(seed, 200);
    }
    let seeds = if cfg!(miri) { 3 } else { 1000 };
    (0..seeds).for_each(|seed| run(seed, 100));
}
