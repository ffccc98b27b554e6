//! Keys over time, without a socket.

use super::*;

fn once(count_max: usize, length_max: usize, age_max: Duration) -> Arc<Once> {
    Once::new(&Config {
        kept_answers_max: count_max,
        kept_answers_length_max: length_max,
        kept_answers_age: age_max,
        ..Config::default()
    })
}

fn failed(error: ApiError) -> Arc<Kept> {
    Arc::new(Kept {
        head: Head {
            id: "id".to_owned(),
            created: 0,
            model: "llmnet/auto".to_owned(),
        },
        outcome: Err(error),
    })
}

/// What stands: our own fault is never tried again.
fn standing() -> Arc<Kept> {
    failed(ApiError::internal("as told", "call"))
}

fn digest(number: usize) -> Digest {
    Digest::of(&number.to_be_bytes())
}

fn ours(once: &Arc<Once>, key: usize, now: Instant) -> Claim {
    match once.claim(digest(key), digest(0), now) {
        Ok(Claimed::Turn(Turn::Ours(claim))) => claim,
        _ => panic!("the key {key} is taken"),
    }
}

fn is_kept(once: &Arc<Once>, key: usize, now: Instant) -> bool {
    let claimed = once.claim(digest(key), digest(0), now);
    matches!(claimed, Ok(Claimed::Turn(Turn::Kept(_))))
}

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn what_stands_is_kept_and_what_cost_nothing_is_not() {
    let once = once(8, 1 << 20, LONG);
    let now = Instant::now();
    ours(&once, 1, now).keep(&standing());
    assert!(is_kept(&once, 1, now));
    ours(&once, 2, now).keep(&failed(ApiError::overloaded(LONG)));
    drop(ours(&once, 2, now));
    drop(ours(&once, 2, now));
}

#[test]
fn another_body_is_refused_whether_it_is_worked_on_or_over() {
    let once = once(8, 1 << 20, LONG);
    let now = Instant::now();
    let other = |once: &Arc<Once>| match once.claim(digest(1), digest(9), now) {
        Err(error) => error.code(),
        Ok(_) => "taken",
    };
    let claim = ours(&once, 1, now);
    assert_eq!(other(&once), "idempotency_key_reused");
    claim.keep(&standing());
    assert_eq!(other(&once), "idempotency_key_reused");
}

#[test]
fn the_oldest_goes_first() {
    let now = Instant::now();
    for (count_max, length_max) in [(2, 1 << 20), (99, 2 * ENTRY_LENGTH)] {
        let once = once(count_max, length_max, LONG);
        for key in 0..5 {
            ours(&once, key, now).keep(&standing());
        }
        assert!(is_kept(&once, 3, now) && is_kept(&once, 4, now));
        let entries = once.entries();
        assert_eq!((entries.by_key.len(), entries.kept.len()), (2, 2));
        assert_eq!(entries.length, 2 * ENTRY_LENGTH);
    }
}

#[test]
fn what_is_old_is_forgotten() {
    let once = once(8, 1 << 20, LONG);
    let now = Instant::now();
    ours(&once, 1, now).keep(&standing());
    let later = Instant::now() + LONG;
    let again = ours(&once, 1, later);
    let entries = once.entries();
    assert_eq!((entries.by_key.len(), entries.kept.len()), (1, 0));
    assert_eq!(entries.length, 0);
    drop(entries);
    drop(again);
    assert!(once.entries().by_key.is_empty());
}

/// A kept answer too large for the room is gone at once, and a claim that comes then is nobody else's.
#[test]
fn what_has_no_room_frees_its_key_once() {
    let once = once(0, 0, LONG);
    let now = Instant::now();
    ours(&once, 1, now).keep(&standing());
    let second = ours(&once, 1, now);
    assert_eq!(once.entries().by_key.len(), 1);
    drop(second);
    assert!(once.entries().by_key.is_empty());
}

#[tokio::test]
async fn who_waits_has_the_next_turn_or_what_stands() {
    let once = once(8, 1 << 20, LONG);
    let now = Instant::now();
    for (keep, expected) in [(false, "ours"), (true, "kept")] {
        let claim = ours(&once, 1, now);
        let waiting = once.turn(digest(1), digest(0), LONG);
        tokio::pin!(waiting);
        let early = timeout(Duration::ZERO, &mut waiting).await;
        assert!(early.is_err(), "another works on it");
        if keep {
            claim.keep(&standing());
        } else {
            drop(claim);
        }
        let found = match waiting.await {
            Ok(Turn::Ours(_)) => "ours",
            Ok(Turn::Kept(_)) => "kept",
            Err(error) => error.code(),
        };
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn waiting_has_an_end() {
    let once = once(8, 1 << 20, LONG);
    let _claim = ours(&once, 1, Instant::now());
    let turn = once.turn(digest(1), digest(0), Duration::ZERO).await;
    let code = turn.err().map(|error| error.code());
    assert_eq!(code, Some("idempotency_key_in_use"));
}
