//! GELU as BERT has it, by the error function: candle's goes number by number in double precision, which takes as long as
//! all of a small model's products.

use candle_core::{Result, Tensor};

/// From here on the error function is 1 in single precision.
const LIMIT: f32 = 3.92;
/// erf(x) = x P(x²) / Q(x²) up to [`LIMIT`], fitted for the least largest error, which is 4e-7 in single precision. P, from
/// its constant on.
const ABOVE: [f32; 7] = [
    1.128_378_7,
    0.206_089_27,
    0.051_393_96,
    0.003_971_822_6,
    0.000_148_960_2,
    -1.994_190_2e-6,
    1.992_188_1e-8,
];
/// Q.
const BELOW: [f32; 5] = [
    1.0,
    0.515_970_65,
    0.117_554_22,
    0.014_887_075,
    0.001_023_861_2,
];

/// x times the share of a normal distribution below x. Nothing but products, sums and a quotient, so that a processor can
/// do several at once.
pub(super) fn gelu(x: f32) -> f32 {
    let at = (x * std::f32::consts::FRAC_1_SQRT_2).max(-LIMIT).min(LIMIT);
    let square = at * at;
    let polynomial = |of: &[f32]| of.iter().rev().fold(0.0, |sum, next| sum * square + next);
    0.5 * x * (1.0 + at * polynomial(&ABOVE) / polynomial(&BELOW))
}

/// GELU of every number.
pub(super) fn all(states: &Tensor) -> Result<Tensor> {
    let numbers = states.flatten_all()?.to_vec1::<f32>()?;
    let numbers: Vec<f32> = numbers.into_iter().map(gelu).collect();
    Tensor::from_vec(numbers, states.dims(), states.device())
}
