//! Recomputes the table in floating point, which the rules themselves never use.
#![expect(
    clippy::float_arithmetic,
    reason = "the reference that the integers are held to"
)]

use super::{UPPER, normal};

/// The normal distribution's upper tail by its continued fraction or series, to about 1e-13.
fn upper_tail(x: f64) -> f64 {
    let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x < 3.0 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= x * x / f64::from(2 * n + 1);
            sum += term;
        }
        return 0.5 - density * sum;
    }
    let fraction = (1..200).rev().fold(x, |below, n| x + f64::from(n) / below);
    density / fraction
}

fn quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 10.0);
    for _ in 0..100 {
        let middle = (low + high) / 2.0;
        if 1.0 - upper_tail(middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// SEL-4: Q is a table of normal quantiles, symmetric and ascending.
#[test]
fn sel_4_the_table_holds_normal_quantiles() {
    for (index, value) in (2_048_u16..).zip(UPPER) {
        let exact = quantile((f64::from(index) + 0.5) / 4096.0) * 1e6;
        assert!((exact - f64::from(value)).abs() <= 1.0, "{index}: {exact}");
        assert_eq!(normal(index), value);
        assert_eq!(normal(4_095 - index), -value);
    }
    assert!((1..4_096).all(|index| normal(index - 1) < normal(index)));
    assert_eq!(normal(0x1000), normal(0), "only twelve bits count");
}
