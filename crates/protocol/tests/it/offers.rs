//! What a seat makes of a coordinator that does not keep the rules (CON-3, CON-5).

use llmnet_protocol::{
    message::{Next, Offer, Relay, ToCoordinator, ToSeat},
    seat::{Account, Effect, Input, Seat},
};
use llmnet_types::{
    codec::List,
    contract::Assign,
    id::{ContractId, Digest},
    message::{Close, Commit, DeclineReason, Opening, Payload, Phase, Response},
    signature::{Message, Signed},
    units::{Amount, Slot, Timestamp},
};

use crate::{
    network::{honest, play},
    respondent::{Script, account, voucher},
    world::{World, key, salt},
};

const NOW: Timestamp = Timestamp(0);

/// The offer that rank 0 is made.
fn offer(world: &World) -> Offer {
    let (session, effects) = llmnet_protocol::session::Session::new(world.setup.clone(), NOW);
    assert_eq!(session.contract(), world.contract());
    effects
        .into_iter()
        .find_map(|effect| match effect {
            llmnet_protocol::session::Effect::Send { message, .. } => match *message {
                ToSeat::Offer(offer) => Some(*offer),
                _ => None,
            },
            _ => None,
        })
        .unwrap()
}

/// What rank 0 says to an offer: `Accept`, a reason, or nothing at all.
fn reply(world: &World, account: &Account, offer: Offer) -> Option<Response> {
    let assign = offer.assign.body.digest();
    let seat = Seat::new(account, world.key(0), String::new(), 0, offer, NOW);
    let message = match seat {
        Ok((_, effects)) => effects.into_iter().find_map(|effect| match effect {
            Effect::Send(message) => Some(*message),
            _ => None,
        }),
        Err(message) => message.map(|message| *message),
    };
    let ToCoordinator::Reply(reply) = message? else {
        panic!("a seat answers an offer with a reply");
    };
    reply.verify(&account.network, &account.seat).unwrap();
    assert_eq!(reply.body.assign, assign);
    Some(reply.body.response)
}

fn declined(change: impl FnOnce(&World, &mut Offer)) -> Option<Response> {
    let world = World::new();
    let mut offer = offer(&world);
    change(&world, &mut offer);
    reply(&world, &account(&world, 0), offer)
}

fn reassigned(world: &World, offer: &mut Offer, change: impl FnOnce(&mut Assign)) {
    let mut assign = offer.assign.body.clone();
    change(&mut assign);
    offer.assign = Signed::new(assign, &world.setup.network, &world.setup.key);
}

const TERMS: Option<Response> = Some(Response::Decline(DeclineReason::Terms));
const UNFUNDED: Option<Response> = Some(Response::Decline(DeclineReason::Unfunded));

/// CON-3: a good offer is accepted; what its coordinator did not sign for this seat gets no word at all.
#[test]
fn an_offer_must_be_the_coordinators() {
    assert_eq!(declined(|_, _| {}), Some(Response::Accept));
    let silent = [
        declined(|_, offer| offer.assign.body.rank = 1),
        declined(|world, offer| {
            let body = offer.assign.body.clone();
            offer.assign = Signed::new(body, &world.setup.network, &key("somebody"));
        }),
        declined(|world, offer| reassigned(world, offer, |assign| assign.slot = Slot(8))),
        declined(|world, offer| {
            reassigned(world, offer, |assign| assign.contract = ContractId([1; 32]));
        }),
        declined(|world, offer| reassigned(world, offer, |assign| assign.seat = world.node(1))),
    ];
    assert_eq!(silent, [None; 5]);
}

/// CON-2, CON-3: price, nonce, durations, terms and request are as registered and as promised.
#[test]
fn an_offer_must_be_as_registered_and_agreed() {
    let changes = [
        declined(|world, offer| {
            reassigned(world, offer, |assign| assign.price.output_kilo = Amount(1));
        }),
        declined(|world, offer| reassigned(world, offer, |assign| assign.nonce = 2)),
        declined(|world, offer| {
            reassigned(world, offer, |assign| assign.durations.answer_ms = 1);
        }),
        // Nobody is asked further under these terms, and nobody answers alone in a round.
        declined(|world, offer| {
            reassigned(world, offer, |assign| assign.phase = Phase::Further);
        }),
        declined(|world, offer| {
            reassigned(world, offer, |assign| assign.phase = Phase::Round(1));
        }),
        declined(|_, offer| offer.terms.caps.seat_charge = Amount(1)),
        declined(|_, offer| offer.terms.split.base = llmnet_types::units::Score::ZERO),
        declined(|_, offer| offer.request.messages = List::new()),
        declined(|_, offer| offer.request_salt = salt("another")),
    ];
    assert_eq!(changes, [TERMS; 9]);
}

/// COR-5, CON-10: what all are shown stands where it says, each once, and is within what may be sent.
#[test]
fn an_offer_must_show_what_holds() {
    use llmnet_types::{
        codec::Text,
        id::ProviderId,
        passage::{Shared, shared_tokens},
        units::Tokens,
    };
    let shared = |world: &World| Shared {
        provider: ProviderId(world.ranks[4]),
        node: world.node(4),
        as_of_day: 1,
        evidence: world.evidence(4, 0),
    };
    let shown = |offer: &mut Offer, list: Vec<Shared>| offer.shared = List::truncated(list);
    let good = declined(|world, offer| shown(offer, vec![shared(world)]));
    assert_eq!(good, Some(Response::Accept));
    let changes = [
        declined(|world, offer| shown(offer, vec![shared(world), shared(world)])),
        declined(|world, offer| {
            let mut forged = shared(world);
            forged.evidence.passage.text = Text::truncated("Rhea is the largest.");
            shown(offer, vec![forged]);
        }),
        declined(|world, offer| {
            let mut moved = shared(world);
            moved.evidence.citation.root = Digest::ZERO;
            shown(offer, vec![moved]);
        }),
    ];
    assert_eq!(changes, [TERMS; 3]);

    // The requester's cap is the seat's as well.
    let capped = |spare: u32| {
        let mut world = World::with(|terms| terms.caps.input_tokens = Tokens(spare));
        world.setup.shared = List::truncated([shared(&world)]);
        let read = world.setup.request.read();
        let asked = read.map(|text| text.len().div_ceil(4)).sum::<usize>();
        let asked = u32::try_from(asked).unwrap();
        (
            reply(&world, &account(&world, 0), offer(&world)),
            asked + shared_tokens(&world.setup.shared).0,
        )
    };
    let (_, needed) = capped(1);
    assert_eq!(capped(needed).0, Some(Response::Accept));
    assert_eq!(capped(needed - 1).0, TERMS);
}

/// CON-3: the requester signed the voucher, it is the one in the offer, and its line covers the limit.
#[test]
fn an_offer_must_be_funded() {
    let revouched = |owner: &'static str, limit: Amount| {
        declined(move |world, offer| {
            offer.voucher = voucher(world, owner, limit, offer.terms.digest());
            let digest = offer.voucher.body.digest();
            reassigned(world, offer, |assign| assign.voucher = digest);
        })
    };
    assert_eq!(
        revouched("requester", Amount::CREDIT),
        Some(Response::Accept)
    );
    assert_eq!(revouched("requester", Amount(1_000_001)), UNFUNDED);
    assert_eq!(revouched("somebody", Amount(1)), UNFUNDED);
    let unsigned = declined(|_, offer| offer.voucher.body.limit = Amount(2));
    let other = declined(|world, offer| {
        reassigned(world, offer, |assign| assign.voucher = Digest::ZERO);
    });
    let elsewhere = declined(|world, offer| {
        let mut body = offer.voucher.body.clone();
        body.line = llmnet_types::id::LineId(6);
        let digest = body.digest();
        offer.voucher = Signed::new(body, &world.setup.network, &key("requester"));
        reassigned(world, offer, |assign| assign.voucher = digest);
    });
    assert_eq!([unsigned, other, elsewhere], [UNFUNDED; 3]);
}

/// CON-3: whoever owes too much already is not worked for.
#[test]
fn credit_has_a_limit() {
    let world = World::new();
    let mut account = account(&world, 0);
    account.owed = Amount(1_000_001);
    let word = reply(&world, &account, offer(&world));
    assert_eq!(word, Some(Response::Decline(DeclineReason::CreditLimit)));
    account.owed = Amount::CREDIT;
    assert_eq!(
        reply(&world, &account, offer(&world)),
        Some(Response::Accept)
    );
}

/// A seat that bound "Titan." and waits, with its commitment.
fn bound(world: &World) -> (Seat, Commit) {
    let account = account(world, 0);
    let (mut seat, _) =
        Seat::new(&account, world.key(0), String::new(), 0, offer(world), NOW).unwrap();
    let effects = seat.step(NOW, Input::Answered(Ok(world.answer("Titan."))));
    let [Effect::Send(message)] = &effects[..] else {
        panic!("an answer is bound: {effects:?}");
    };
    let ToCoordinator::Commit(commit) = &**message else {
        panic!("an answer is bound: {message:?}");
    };
    (seat, commit.body.clone())
}

fn close(world: &World, contract: ContractId, commitments: Vec<Digest>) -> Signed<Close> {
    let body = Close {
        contract,
        phase: Phase::Answers,
        commitments: List::truncated(commitments),
    };
    Signed::new(body, &world.setup.network, &world.setup.key)
}

fn tell(seat: &mut Seat, message: ToSeat) -> Vec<Effect> {
    seat.step(NOW, Input::Message(Box::new(message)))
}

/// CON-4, CON-5: a seat opens only to a Close of its contract, signed by its coordinator, that counts
/// what it bound; and only to the first.
#[test]
fn a_seat_opens_to_its_own_close_only() {
    let world = World::new();
    let opens = |close: Signed<Close>| {
        let (mut seat, _) = bound(&world);
        !tell(&mut seat, ToSeat::Close(close)).is_empty()
    };
    let (_, commit) = bound(&world);
    let mine = vec![commit.commitment];
    let good = close(&world, world.contract(), mine.clone());
    assert!(opens(good.clone()));
    let forged = Signed::new(good.body.clone(), &world.setup.network, &key("somebody"));
    assert!(!opens(forged));
    assert!(!opens(close(&world, ContractId([1; 32]), mine)));
    assert!(!opens(close(&world, world.contract(), vec![Digest::ZERO])));

    let (mut seat, _) = bound(&world);
    tell(
        &mut seat,
        ToSeat::Close(close(&world, world.contract(), vec![])),
    );
    assert!(
        tell(&mut seat, ToSeat::Close(good)).is_empty(),
        "the first Close stands"
    );
}

/// CON-5: a Relay that shows what its Close does not bind, or twice, or out of order, is not worked on.
#[test]
fn a_relay_must_match_its_close() {
    let world = World::new();
    let peer = Opening {
        salt: salt("peer"),
        payload: Payload::Answer(world.answer("Rhea.")),
    };
    let shown = world.setup.terms.request;
    let theirs = llmnet_protocol::message::opening_commitment(&peer, &shown);
    let works = |arrange: &dyn Fn(Opening, Opening) -> Vec<Opening>| {
        let (mut seat, commit) = bound(&world);
        let commitments = vec![commit.commitment, theirs];
        let close = close(&world, world.contract(), commitments);
        let effects = tell(&mut seat, ToSeat::Close(close));
        let Some(Effect::Send(message)) = effects.first() else {
            panic!("a seat opens: {effects:?}");
        };
        let ToCoordinator::Open(own) = &**message else {
            panic!("a seat opens: {message:?}");
        };
        let relay = Relay {
            contract: world.contract(),
            phase: Phase::Answers,
            openings: List::truncated(arrange((**own).clone(), peer.clone())),
            next: Next::Phase(Phase::Round(1)),
        };
        !tell(&mut seat, ToSeat::Relay(Box::new(relay))).is_empty()
    };
    assert!(works(&|own, peer| vec![own, peer]));
    assert!(works(&|own, _| vec![own]), "others may have withheld");
    assert!(!works(&|own, peer| vec![peer, own]), "out of order");
    assert!(!works(&|own, peer| vec![own, peer.clone(), peer]), "twice");
    assert!(!works(&|own, mut peer| {
        peer.payload = Payload::Answer(world.answer("Iapetus."));
        vec![own, peer]
    }));
}

/// CON-6: a seat whose answer the coordinator leaves out does not sign that it counted.
#[test]
fn a_seat_that_is_left_out_signs_nothing() {
    let world = World::new();
    let (mut seat, commit) = bound(&world);
    tell(
        &mut seat,
        ToSeat::Close(close(&world, world.contract(), vec![commit.commitment])),
    );
    let relay = Relay {
        contract: world.contract(),
        phase: Phase::Answers,
        openings: List::new(),
        next: Next::Finish,
    };
    let effects = tell(&mut seat, ToSeat::Relay(Box::new(relay)));
    assert!(matches!(effects[..], [Effect::Done]));
}

/// CON-7: a seat waits for its coordinator for a time, and then gives up.
#[test]
fn a_seat_gives_up() {
    let world = World::new();
    let (mut seat, commit) = bound(&world);
    let wake_at = seat.wake_at().unwrap();
    assert!(wake_at.0 >= world.time_ms_max() - 7_000);
    assert!(seat.step(Timestamp(wake_at.0 - 1), Input::Tick).is_empty());
    assert!(matches!(
        seat.step(wake_at, Input::Tick)[..],
        [Effect::Done]
    ));
    assert_eq!(seat.wake_at(), None);
    let late = close(&world, world.contract(), vec![commit.commitment]);
    assert!(tell(&mut seat, ToSeat::Close(late)).is_empty());
}

/// CON-3: who declines an offer is skipped with its own reason.
#[test]
fn a_coordinator_that_underpays_is_declined_by_all() {
    let mut world = World::new();
    let candidates = world.setup.selection.candidates.iter().cloned();
    let cheap = candidates.map(|mut candidate| {
        candidate.price.call = Amount(1);
        candidate
    });
    world.setup.selection.candidates = List::truncated(cheap);
    let scripts = (0..8).map(|_| Script::says(world.answer("Titan.")));
    let run = play(&world, honest(&world, scripts.collect()));
    let words = run
        .finished
        .receipt
        .skips
        .iter()
        .map(|skip| skip.reply.as_ref().map(|reply| reply.body.response));
    assert_eq!(words.collect::<Vec<_>>(), [TERMS; 6]);
}

/// CON-7: a seat whose work takes long says yes before it is done, in time and once.
#[test]
fn a_slow_seat_accepts_in_time() {
    let world = World::new();
    let account = account(&world, 0);
    let seat = Seat::new(
        &account,
        world.key(0),
        String::new(),
        250,
        offer(&world),
        NOW,
    );
    let (mut seat, effects) = seat.unwrap();
    assert!(matches!(effects[..], [Effect::Work(_)]), "{effects:?}");
    let at = seat.wake_at().unwrap();
    assert_eq!(at, NOW.after(250));
    let effects = seat.step(at, Input::Tick);
    let [Effect::Send(message)] = &effects[..] else {
        panic!("it accepts: {effects:?}");
    };
    let ToCoordinator::Reply(reply) = &**message else {
        panic!("it accepts: {message:?}");
    };
    assert_eq!(reply.body.response, Response::Accept);
    assert!(seat.step(at, Input::Tick).is_empty());
}

/// DEB-1: a seat whose model fails at once declines, and loses nothing by it.
#[test]
fn a_seat_that_fails_at_once_declines() {
    let world = World::new();
    let account = account(&world, 0);
    let seat = Seat::new(
        &account,
        world.key(0),
        String::new(),
        250,
        offer(&world),
        NOW,
    );
    let (mut seat, _) = seat.unwrap();
    let failed = Input::Answered(Err(DeclineReason::ModelUnavailable));
    let effects = seat.step(NOW, failed);
    let [Effect::Send(message), Effect::Done] = &effects[..] else {
        panic!("it declines: {effects:?}");
    };
    let ToCoordinator::Reply(reply) = &**message else {
        panic!("it declines: {message:?}");
    };
    let declined = Response::Decline(DeclineReason::ModelUnavailable);
    assert_eq!(reply.body.response, declined);
}
