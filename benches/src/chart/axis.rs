//! Where a value lies on an axis, and what the axis says.

/// The values that an axis shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// From zero.
    Linear {
        /// The end.
        high: f64,
    },
    /// Equal ratios are equally long.
    Log {
        /// The beginning, above zero.
        low: f64,
        /// The end.
        high: f64,
    },
}

/// Values that differ by more are shown by their logarithms.
const WIDE: f64 = 6.0;
/// Decades that are so many have no ticks in between.
const MANY_DECADES: f64 = 3.0;

impl Scale {
    /// An axis for all of the values: from zero where they are close together.
    #[must_use]
    pub fn over(values: impl Iterator<Item = f64> + Clone) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        let low = values.filter(|&value| value > 0.0).fold(high, f64::min);
        if high <= 0.0 {
            Scale::Linear { high: 1.0 }
        } else if high / low > WIDE {
            Scale::Log { low: round_down(low), high: round_up(high) }
        } else {
            let step = step(high);
            Scale::Linear { high: (high / step).ceil() * step }
        }
    }

    /// Between 0 and 1, however far outside the value is.
    #[must_use]
    pub fn part(self, value: f64) -> f64 {
        let part = match self {
            Scale::Linear { high } => value / high,
            Scale::Log { low, .. } if value <= low => 0.0,
            Scale::Log { low, high } => (value / low).log10() / (high / low).log10(),
        };
        part.clamp(0.0, 1.0)
    }

    /// Where the axis says something.
    #[must_use]
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Scale::Linear { high } => {
                let step = step(high);
                (0..)
                    .map(|n| f64::from(n) * step)
                    .take_while(|tick| *tick <= high * 1.001)
                    .collect()
            }
            Scale::Log { low, high } => {
                let steps: &[f64] =
                    if (high / low).log10() > MANY_DECADES { &[1.0] } else { &[1.0, 2.0, 5.0] };
                let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
                decades
                    .flat_map(|decade| steps.iter().map(move |step| step * 10_f64.powi(decade)))
                    .filter(|&tick| tick >= low * 0.999 && tick <= high * 1.001)
                    .collect()
            }
        }
    }
}

/// From one tick to the next, from zero to there.
fn step(high: f64) -> f64 {
    round_up(high / 5.5)
}

/// The next of 1, 2, 5, 10, .. that is not less.
fn round_up(value: f64) -> f64 {
    let decade = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    steps.into_iter().find(|step| *step >= value * 0.999).unwrap_or(value)
}

/// The next of 1, 2, 5, 10, .. that is not more.
fn round_down(value: f64) -> f64 {
    1.0 / round_up(1.0 / value)
}

/// A number as short as can be: `250`, `4k`, `1.5M`, `0.02`.
#[must_use]
pub fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 999_999.5 => (value / 1e6, "M"),
        size if size >= 999.5 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        size if size >= 99.95 || size == 0.0 => 0,
        size if size >= 9.995 => 1,
        size if size >= 0.995 => 2,
        size => (2.0 - size.log10().floor()) as usize - 1,
    };
    let text = format!("{value:.digits$}");
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 0.004, 0.05, 0.254, 1.0, 2.5, 38.44, 250.0, 4000.0, 999.7, 1.5e6, 1e7];
        let shown = numbers.map(short);
        let want =
            ["0", "0.004", "0.05", "0.25", "1", "2.5", "38.4", "250", "4k", "1k", "1.5M", "10M"];
        assert_eq!(shown, want);
    }

    #[test]
    fn close_values_are_shown_from_zero() {
        let scale = Scale::over([80.0, 120.0].into_iter());
        assert_eq!(scale, Scale::Linear { high: 150.0 });
        assert_eq!(scale.ticks(), [0.0, 50.0, 100.0, 150.0]);
        assert_eq!(scale.part(75.0), 0.5);
    }

    #[test]
    fn far_ones_by_their_logarithms() {
        let scale = Scale::over([30.0, 1500.0].into_iter());
        assert_eq!(scale.part(200.0), 0.5);
        let ticks: Vec<String> = scale.ticks().into_iter().map(short).collect();
        assert_eq!(ticks, ["20", "50", "100", "200", "500", "1k", "2k"]);
        assert_eq!([0.0, 1.0, 9e9].map(|value| scale.part(value)), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn nothing_is_still_an_axis() {
        assert_eq!(Scale::over(std::iter::empty()), Scale::Linear { high: 1.0 });
        assert_eq!(Scale::over([0.0].into_iter()).ticks().first(), Some(&0.0));
    }
}
