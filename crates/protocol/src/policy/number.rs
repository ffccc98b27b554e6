//! Exponential and logarithm, the same to the bit on every machine.
//!
//! IEEE 754 fixes the results of `+ - * /` and the square root, and Rust neither fuses nor reorders them. The
//! functions of a machine's mathematical library are not fixed: their last bits differ, and a verdict computed
//! again elsewhere could differ with them.

/// `ln 2` in two parts: the first has so few bits that its product with a small integer is exact.
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Terms of the series; what is left out is under one part in 10^16.
const TERMS: u32 = 14;
const MANTISSA_BITS: u32 = 52;
const EXPONENT_BIAS: i64 = 1_023;

/// `e^x`; 0 below -700, the largest that `e^700` gives above 700.
pub fn exp(x: f64) -> f64 {
    if x < -700.0 {
        return 0.0;
    }
    let x = x.min(700.0);
    // x = k ln 2 + r, |r| at most half of ln 2.
    let k = (x / (LN_2_HIGH + LN_2_LOW)).round();
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let series = (1..=TERMS)
        .rev()
        .fold(1.0, |sum, term| 1.0 + sum * r / f64::from(term));
    series * power_of_two(k as i64)
}

/// The natural logarithm of a positive, normal number; that of the smallest such number for anything less.
pub fn ln(x: f64) -> f64 {
    let x = if x >= f64::MIN_POSITIVE {
        x
    } else {
        f64::MIN_POSITIVE
    };
    let bits = x.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i64 - EXPONENT_BIAS;
    let mantissa = f64::from_bits((bits & ((1 << MANTISSA_BITS) - 1)) | (1_023 << MANTISSA_BITS));
    // Between 0.7 and 1.4 the series of atanh is short.
    let (mantissa, exponent) = if mantissa > std::f64::consts::SQRT_2 {
        (mantissa / 2.0, exponent + 1)
    } else {
        (mantissa, exponent)
    };
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let series = (0..TERMS).rev().fold(0.0, |sum, term| {
        sum * square + 1.0 / f64::from(2 * term + 1)
    });
    let exponent = exponent as f64;
    2.0 * s * series + (exponent * LN_2_LOW) + exponent * LN_2_HIGH
}

/// The logarithm of the odds of a chance.
pub fn log_odds(chance: f64) -> f64 {
    ln(chance / (1.0 - chance))
}

fn power_of_two(exponent: i64) -> f64 {
    let biased = (exponent + EXPONENT_BIAS).clamp(1, 2 * EXPONENT_BIAS);
    f64::from_bits((biased as u64) << MANTISSA_BITS)
}

/// A number of `SplitMix64`: well mixed bits of a counter.
pub fn mixed(state: u64) -> u64 {
    let mut bits = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Nearly a standard normal deviate from well mixed bits: the sum of four uniform ones, which needs no logarithm.
/// It never lies beyond 3.5.
pub fn normal(bits: u64) -> f64 {
    let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xffff).sum();
    // Mean 2, variance 4/12, in units of 2^16.
    (sum as f64 / 65_536.0 - 2.0) / 0.577_350_269_189_625_8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the machine's library says, within a few units of the last place.
    #[test]
    fn near_the_library() {
        for step in -6_900..=6_900 {
            let x = f64::from(step) / 10.0;
            let exact = x.exp();
            assert!(
                (exp(x) - exact).abs() <= 1e-13 * exact,
                "exp({x}) = {} not {exact}",
                exp(x)
            );
        }
        for step in 1..100_000_u32 {
            let x = f64::from(step) / 777.0;
            assert!(
                (ln(x) - x.ln()).abs() <= 1e-14 * x.ln().abs().max(1.0),
                "ln({x})"
            );
        }
        assert!((ln(exp(-300.0)) + 300.0).abs() < 1e-10);
    }

    /// Pinned: these bits must be the same on every machine.
    #[test]
    fn the_same_bits_everywhere() {
        assert_eq!(exp(1.0).to_bits(), 0x4005_bf0a_8b14_576a);
        assert_eq!(ln(10.0).to_bits(), 0x4002_6bb1_bbb5_5516);
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), ln(f64::MIN_POSITIVE));
    }

    #[test]
    fn normal_deviates_are_so_on_average() {
        let deviates: Vec<f64> = (0..100_000).map(|n| normal(mixed(n))).collect();
        let mean = deviates.iter().sum::<f64>() / 1e5;
        let variance = deviates.iter().map(|x| x * x).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.03, "variance {variance}");
    }
}
