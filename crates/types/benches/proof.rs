//! What a proof adds to a receipt, in bytes and microseconds: `cargo bench -p llmnet-types`.

#![expect(clippy::print_stdout, reason = "it is there to print")]

use std::{hint::black_box, time::Instant};

use llmnet_types::{codec::encode, succession::HAND_OVERS_MAX, units::Term};

#[expect(dead_code, reason = "shared with the tests, which use all of it")]
#[path = "../tests/it/samples.rs"]
mod samples;

use samples::{
    hand_over, longest_proof, longest_receipt, network_root, proof, receipt, salt, succession,
};

/// The shortest of many times, in microseconds: the others were disturbed.
fn fastest(work: impl Fn()) -> f64 {
    let times = (0..500).map(|_| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64() * 1e6
    });
    times.fold(f64::INFINITY, f64::min)
}

fn line(name: &str, bytes: usize, microseconds: f64) {
    println!("{name:<58} {bytes:>8} bytes {microseconds:>10.1} us");
}

fn main() {
    let network = network_root();
    let electorate = network.electorate();
    let verify = |receipt: &llmnet_types::receipt::Receipt,
                  proof: &llmnet_types::proof::ReceiptProof| {
        let root = receipt.root(&salt());
        fastest(|| {
            black_box(proof)
                .verify(&electorate, receipt, &root)
                .expect("it holds")
        })
    };

    let longest = longest_receipt(&network.id());
    let full = longest_proof(&network, &longest);
    line(
        "proof: 256 leaves, 16 settlements, 4 validators, 7 seats",
        encode(&full).len(),
        verify(&longest, &full),
    );
    let small = receipt(&network.id());
    let covered = proof(&network, &small);
    line(
        "proof: 3 leaves, 2 settlements, 2 descendants, 1 seat",
        encode(&covered).len(),
        verify(&small, &covered),
    );

    let link = hand_over(network.id(), 0);
    line(
        "hand-over: 4 validators",
        encode(&link).len(),
        fastest(|| {
            black_box(&link).follow(&electorate).expect("it holds");
        }),
    );
    let links = succession(network.id(), 0..100);
    line(
        "succession: 100 terms, 4 validators",
        encode(&links).len(),
        fastest(|| {
            black_box(&links)
                .follow(&electorate, Term(100))
                .expect("it holds");
        }),
    );
    println!("a file has {HAND_OVERS_MAX} hand-overs at most");
}
