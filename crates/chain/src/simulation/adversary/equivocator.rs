//! Two validators with one key.
//!
//! Each is as honest as any, so all they say is well-formed and timely. But each speaks to some of the
//! others only, so that together they propose two blocks at one height, vote for both, and tell each side
//! what it wants to hear.

use std::{sync::Arc, time::Duration};

use commonware_runtime::{Clock as _, Spawner as _, Supervisor as _, deterministic};
use tokio::sync::mpsc;

use crate::simulation::{
    chance::Chance,
    links::{Key, Mesh, Route},
    place::{Place, Terms},
};

pub(super) fn start(
    context: &deterministic::Context,
    mesh: &Arc<Mesh>,
    terms: &Terms,
    place: (usize, String),
    mut chance: Chance,
) {
    let all = || Route::to(mesh.keys().to_vec());
    let ears = [all(), all()];
    let mouths = [Route::to(Vec::new()), Route::to(Vec::new())];
    context.child("twins").spawn({
        let (mesh, terms, mouths) = (mesh.clone(), terms.clone(), mouths.clone());
        move |context| async move {
            live(&context, &mesh, &terms, place, [&ears, &mouths]).await;
        }
    });
    let mesh = mesh.clone();
    context.child("sides").spawn(move |context| async move {
        loop {
            let sides = sides(&mut chance, mesh.keys());
            for (route, side) in mouths.iter().zip(sides) {
                route.turn(side);
            }
            context.sleep(chance.millis(500, 4_000)).await;
        }
    });
}

/// Lives in two worlds, each with one of the first two validators and nobody else.
pub(super) fn split(
    context: &deterministic::Context,
    mesh: &Arc<Mesh>,
    terms: &Terms,
    place: (usize, String),
) {
    let worlds = [0, 1].map(|world| Route::to(vec![mesh.key(world).clone()]));
    let (mesh, terms) = (mesh.clone(), terms.clone());
    context.child("twins").spawn(move |context| async move {
        live(&context, &mesh, &terms, place, [&worlds, &worlds]).await;
    });
}

/// Runs both, again and again should a disk of theirs fail.
async fn live(
    context: &deterministic::Context,
    mesh: &Mesh,
    terms: &Terms,
    (index, disk): (usize, String),
    ears_and_mouths: [&[Route; 2]; 2],
) {
    let mut twins = ["left", "right"].map(|side| Place::new(index, format!("{disk}-{side}")));
    // Never the same time, so never the same block.
    twins[1].hardware.set_clock(1_500);
    loop {
        let networks = mesh.connect_twins(mesh.key(index), ears_and_mouths).await;
        let (ended_sender, mut ended) = mpsc::unbounded_channel();
        let mut running = Vec::new();
        for (twin, network) in twins.iter_mut().zip(networks) {
            let ended = ended_sender.clone();
            let ended = move |_| {
                let _ = ended.send(());
            };
            running.push(twin.start(context, terms, network, ended));
        }
        ended.recv().await;
        for twin in running {
            twin.handle.abort();
        }
        context.sleep(Duration::from_secs(1)).await;
    }
}

/// To whom each of the two speaks: most hear one, some hear both or nobody.
fn sides(chance: &mut Chance, others: &[Key]) -> [Vec<Key>; 2] {
    let mut sides = [Vec::new(), Vec::new()];
    for key in others {
        let (left, right) = match chance.below(8) {
            0..=2 => (true, false),
            3..=5 => (false, true),
            6 => (true, true),
            _ => (false, false),
        };
        for (side, hears) in sides.iter_mut().zip([left, right]) {
            if hears {
                side.push(key.clone());
            }
        }
    }
    sides
}
