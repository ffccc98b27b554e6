//! Asks targets in turn, a block each, and times every answer. One that is wrong ends it all.

use std::{
    cell::{Cell, RefCell},
    fs,
    rc::Rc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::{net::TcpStream, task::LocalSet, time::timeout};

use crate::{
    answer::{PLACE, find, holds},
    http::Connection,
    plan::{Kind, Plan, Target},
    process::{cpu_seconds, memory_peak},
    statistics::{blocks, percentile},
};

/// A request that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one target was measured to be.
#[derive(Debug, Default)]
struct Measured {
    /// Milliseconds to the whole answer, by blocks.
    whole: Vec<Vec<f64>>,
    /// Milliseconds to its first piece, by blocks.
    first: Vec<Vec<f64>>,
    /// Seconds of each block.
    spans: Vec<f64>,
    cpu: f64,
}

/// What is the same for all requests of a run.
#[derive(Debug)]
struct Run {
    kind: Kind,
    /// The next question's number.
    next: Cell<u64>,
    /// By lines: whose, and its id.
    receipts: RefCell<Vec<String>>,
}

/// Milliseconds of one answer.
#[derive(Debug, Clone, Copy)]
struct Timed {
    whole: f64,
    first: f64,
}

/// Measures what the plan says and prints it.
pub(crate) async fn run(path: &str) -> Result<(), String> {
    let plan = Plan::read(path)?;
    let run = Rc::new(Run {
        kind: plan.kind,
        next: Cell::new(plan.first),
        receipts: RefCell::default(),
    });
    let tasks = LocalSet::new();
    let measured = tasks.run_until(measure(&plan, &run)).await?;
    if let Some(file) = &plan.receipts {
        let lines = run.receipts.borrow().join("\n");
        fs::write(file, lines).map_err(|error| format!("{file}: {error}"))?;
    }
    println!("{}", report(&plan, &measured, run.next.get()));
    Ok(())
}

async fn measure(plan: &Plan, run: &Rc<Run>) -> Result<Vec<Measured>, String> {
    let mut measured: Vec<Measured> = plan.targets.iter().map(|_| Measured::default()).collect();
    let connections = if plan.kind == Kind::Crowd {
        plan.connections
    } else {
        1
    };
    // The first turn warms up and counts for nothing.
    for turn in 0..=plan.blocks {
        for place in 0..plan.targets.len() {
            // Each begins as often as the others.
            let place = (place + turn) % plan.targets.len();
            let target = &plan.targets[place];
            // Servers end what was idle while others had their turn, each after another time.
            let open = warm(run, target, connections).await?;
            let used = cpu_seconds(&target.pids);
            let began = Instant::now();
            let timed = block(run, target, open).await?;
            let span = began.elapsed().as_secs_f64();
            if turn > 0 {
                let measured = &mut measured[place];
                measured.spans.push(span);
                measured.cpu += cpu_seconds(&target.pids) - used;
                measured
                    .whole
                    .push(timed.iter().map(|timed| timed.whole).collect());
                measured
                    .first
                    .push(timed.iter().map(|timed| timed.first).collect());
            }
        }
        eprintln!("turn {turn} of {}", plan.blocks);
    }
    Ok(measured)
}

/// One block of one target: its connections share the block's requests.
async fn block(
    run: &Rc<Run>,
    target: &Target,
    connections: Vec<Connection>,
) -> Result<Vec<Timed>, String> {
    let left = Rc::new(Cell::new(target.requests));
    let mut tasks = Vec::new();
    for mut connection in connections {
        let (run, left, target) = (Rc::clone(run), Rc::clone(&left), target.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let mut timed = Vec::new();
            while let Some(rest) = left.get().checked_sub(1) {
                left.set(rest);
                let asked = ask(&run, &target, &mut connection);
                let answered = timeout(PATIENCE, asked).await;
                let answered =
                    answered.unwrap_or_else(|_| Err(format!("no answer in {PATIENCE:?}")));
                timed.push(answered.map_err(|error| format!("{}: {error}", target.name))?);
            }
            Ok::<_, String>(timed)
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.map_err(|error| error.to_string())??);
    }
    Ok(all)
}

/// New connections of a target that have had a question each.
async fn warm(run: &Run, target: &Target, count: usize) -> Result<Vec<Connection>, String> {
    let connections = (0..count).map(|_| async {
        let mut connection = connect(target).await?;
        let asked = timeout(PATIENCE, ask(run, target, &mut connection)).await;
        let failed = |error| format!("{}: {error}", target.name);
        asked
            .unwrap_or_else(|_| Err(format!("no answer in {PATIENCE:?}")))
            .map_err(failed)?;
        Ok(connection)
    });
    join_all(connections).await.into_iter().collect()
}

async fn connect(target: &Target) -> Result<Connection, String> {
    let failed = |error| {
        format!(
            "{}: cannot connect to {}: {error}",
            target.name, target.address
        )
    };
    Connection::new(TcpStream::connect(&target.address).await.map_err(failed)?)
}

async fn ask(run: &Run, target: &Target, connection: &mut Connection) -> Result<Timed, String> {
    let number = run.next.get();
    run.next.set(number + 1);
    let number = number.to_string();
    let Target {
        address,
        path,
        headers,
        ..
    } = target;
    let body = target.body.replace(PLACE, &number);
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    let expected = target.expected.replace(PLACE, &number);

    let began = Instant::now();
    let since = || began.elapsed().as_secs_f64() * 1_000.0;
    connection.write(request.as_bytes()).await?;
    let head = connection.head().await?.ok_or("it hung up")?;
    let (mut first, mut seen) = (None, 0);
    let reply = connection
        .body(&head, |so_far| {
            if run.kind == Kind::Stream && first.is_none() {
                if speaks(&so_far[seen..]) {
                    first = Some(since());
                }
                // Not beyond an event that may go on.
                seen = so_far.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            }
        })
        .await?;
    let whole = since();

    let said = || String::from_utf8_lossy(&reply[..reply.len().min(2_000)]).into_owned();
    if head.status() != Some(200) {
        return Err(format!("{}: {}", head.line(), said()));
    }
    let right = match run.kind {
        Kind::Stream => streamed(&reply).is_some_and(|text| is_answer(&text, &expected)),
        Kind::Plain => plain(&reply).is_some_and(|text| is_answer(&text, &expected)),
        // A whole reading of each would take the time of those that are measured.
        Kind::Crowd => holds(&reply, expected.as_bytes()),
    };
    if !right {
        return Err(format!("a wrong answer, without {expected:?}: {}", said()));
    }
    if let Some(receipt) = head
        .header("x-llmnet-receipt")
        .map(str::to_owned)
        .or_else(|| receipt(&reply))
    {
        run.receipts
            .borrow_mut()
            .push(format!("{} {receipt}", target.name));
    }
    Ok(Timed {
        whole,
        first: first.unwrap_or(whole),
    })
}

/// Whether there is an event with a piece of the answer in it.
fn speaks(events: &[u8]) -> bool {
    const NAME: &[u8] = b"\"content\":";
    let mut rest = events;
    while let Some(at) = find(rest, NAME) {
        rest = &rest[at + NAME.len()..];
        let value = rest.trim_ascii_start();
        if value.starts_with(b"\"") && value.get(1).is_some_and(|byte| *byte != b'"') {
            return true;
        }
    }
    false
}

fn is_answer(text: &str, expected: &str) -> bool {
    text.contains(expected) && text.ends_with("end.")
}

/// The text of an answer of one piece.
fn plain(reply: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(reply).ok()?;
    let text = value.pointer("/choices/0/message/content")?.as_str()?;
    Some(text.to_owned())
}

/// The text of a stream that came to its end.
fn streamed(reply: &[u8]) -> Option<String> {
    let reply = std::str::from_utf8(reply).ok()?;
    let mut text = String::new();
    let mut ended = false;
    for data in reply.lines().filter_map(|line| line.strip_prefix("data:")) {
        let data = data.trim();
        if data == "[DONE]" {
            ended = true;
            continue;
        }
        let value: Value = serde_json::from_str(data).ok()?;
        if let Some(piece) = value
            .pointer("/choices/0/delta/content")
            .and_then(Value::as_str)
        {
            text.push_str(piece);
        }
    }
    ended.then_some(text)
}

/// The receipt of a stream, which stands in its last event.
fn receipt(reply: &[u8]) -> Option<String> {
    const NAME: &[u8] = b"\"receipt_id\":\"";
    let at = find(reply, NAME)? + NAME.len();
    let id = reply.get(at..at + 64)?;
    String::from_utf8(id.to_vec()).ok()
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run")]
fn report(plan: &Plan, measured: &[Measured], next: u64) -> Value {
    let mut targets = Map::new();
    for (target, found) in plan.targets.iter().zip(measured) {
        let total = (target.requests * plan.blocks) as f64;
        let rates: Vec<f64> = found
            .spans
            .iter()
            .map(|span| target.requests as f64 / span)
            .collect();
        let mut report = json!({
            "whole_ms": blocks(&found.whole, &measured[0].whole),
            "requests_a_second": percentile(&rates, 0.5),
            "cpu_seconds_per_1000": found.cpu / total * 1_000.0,
            "memory_peak_mib": memory_peak(&target.pids),
            "block_medians_ms": found.whole.iter().map(|block| percentile(block, 0.5)).collect::<Vec<_>>(),
        });
        if plan.kind == Kind::Stream {
            report["first_ms"] = blocks(&found.first, &measured[0].first);
        }
        targets.insert(target.name.clone(), report);
    }
    json!({
        "kind": format!("{:?}", plan.kind).to_lowercase(),
        "blocks": plan.blocks,
        "connections": if plan.kind == Kind::Crowd { plan.connections } else { 1 },
        "next": next,
        "targets": targets,
    })
}
