use super::*;

#[test]
fn ranks_of_both_kinds_add_up() {
    // Second by words and first by meaning beats first by words alone.
    let fused = hybrid([(9.0, Some(0.1)), (5.0, Some(0.9)), (0.0, Some(0.5))].into_iter());
    assert!(fused[1] > fused[0] && fused[0] > fused[2], "{fused:?}");
    assert!((fused[1] - (1.0 / 62.0 + 1.0 / 61.0)).abs() < 1e-12);
    assert!(
        (fused[2] - 1.0 / 62.0).abs() < 1e-12,
        "no word of it: no rank by words"
    );
}

#[test]
fn without_vectors_the_words_decide() {
    let fused = hybrid([(1.0, None), (3.0, None), (2.0, None)].into_iter());
    assert!(fused[1] > fused[2] && fused[2] > fused[0], "{fused:?}");
}

#[test]
fn what_is_no_number_has_no_rank() {
    let fused = hybrid(
        [
            (f64::NAN, Some(f32::NAN)),
            (f64::INFINITY, None),
            (1.0, None),
        ]
        .into_iter(),
    );
    assert_eq!(fused[0], 0.0);
    assert_eq!(fused[1], 0.0);
    assert!(fused[2] > 0.0);
}
