//! Figures of a quiet and of a busy network, for people: `LLMNET_CHAIN_MEASURE=1 cargo test -- --nocapture
//! measure`. They take half a minute and prove nothing.

use std::time::{Duration, Instant};

use llmnet_types::units::Height;

use crate::testnet::{Testnet, account, final_outcome, reaches, transfer};

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let wanted = |line: &&str| line.starts_with("VmRSS") || line.starts_with("Threads");
    status.lines().filter(wanted).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn measure() {
    if std::env::var_os("LLMNET_CHAIN_MEASURE").is_none() {
        println!("set LLMNET_CHAIN_MEASURE=1 to measure");
        return;
    }
    let mut testnet = Testnet::new();
    testnet.pacing = llmnet_chain::Pacing::default();
    let started = Instant::now();
    (0..4).for_each(|validator| testnet.start(validator));
    println!("four started after {:?}", started.elapsed());
    let client = testnet.client(0);
    reaches(&*client, Height(1)).await;
    println!("first block after {:?}", started.elapsed());
    let (cpu, since) = (cpu_seconds(), Instant::now());
    let height = client.tip().borrow().height().0;
    tokio::time::sleep(Duration::from_secs(10)).await;
    println!(
        "idle: {:.1} % of a core, {} blocks in 10 s, {}",
        (cpu_seconds() - cpu) / since.elapsed().as_secs_f64() * 100.0,
        client.tip().borrow().height().0 - height,
        memory(),
    );
    let to = account(7).public_key();
    for (name, gap) in [("seldom", 1300), ("often", 100)] {
        let validator = testnet.client(if gap > 1000 { 1 } else { 2 });
        let from = if gap > 1000 { 1 } else { 2 };
        let mut latencies = Vec::new();
        for nonce in 0..20 {
            let sent = Instant::now();
            let id = validator
                .submit(transfer(testnet.network, from, nonce, to))
                .await
                .unwrap();
            let inclusion = final_outcome(&*validator, id).await;
            latencies.push(sent.elapsed());
            let own = validator
                .certificate(inclusion.height)
                .await
                .unwrap()
                .is_some();
            if !own {
                println!("height {} has no certificate of its own", inclusion.height);
            }
            tokio::time::sleep(Duration::from_millis(gap)).await;
        }
        latencies.sort();
        println!(
            "{name}: final p50 {:?}, max {:?}",
            latencies[10], latencies[19]
        );
    }
    let (cpu, since) = (cpu_seconds(), Instant::now());
    let mut last = None;
    for nonce in 0..200 {
        for from in 3..7 {
            last = Some(
                client
                    .submit(transfer(testnet.network, from, nonce, to))
                    .await
                    .unwrap(),
            );
        }
    }
    final_outcome(&*client, last.unwrap()).await;
    println!(
        "800 transactions final after {:?}, {:.1} CPU s, {}",
        since.elapsed(),
        cpu_seconds() - cpu,
        memory(),
    );
}
