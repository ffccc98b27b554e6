//! A validator that hears everything and says nothing, or not all: its votes, or its blocks, never come.
//!
//! The worst is not the one that says nothing. One that votes and leads, and keeps its blocks to itself
//! or shows them to some only, makes the others wait for what never comes.

use std::{sync::Arc, time::Duration};

use commonware_runtime::{Clock as _, Spawner as _, Supervisor as _, deterministic};
use tokio::sync::oneshot;

use crate::{
    network::RATES,
    simulation::{
        chance::Chance,
        links::{Mesh, Route},
        place::{Place, Terms},
    },
};

pub(super) fn start(
    context: &deterministic::Context,
    mesh: &Arc<Mesh>,
    terms: &Terms,
    (index, disk): (usize, String),
    mut chance: Chance,
) {
    let routes = RATES.map(|_| Route::to(Vec::new()));
    context.child("silent").spawn({
        let (mesh, terms, routes) = (mesh.clone(), terms.clone(), routes.clone());
        move |context| async move {
            let mut place = Place::new(index, disk);
            // Again and again, should its disk fail.
            loop {
                let network = mesh.connect_routed(mesh.key(index), &routes).await;
                let (ended_sender, ended) = oneshot::channel();
                let _running = place.start(&context, &terms, network, |_| {
                    let _ = ended_sender.send(());
                });
                let _ = ended.await;
                context.sleep(Duration::from_secs(1)).await;
            }
        }
    });
    let mesh = mesh.clone();
    context.child("silence").spawn(move |context| async move {
        loop {
            let quiet = chance.percent(40);
            for route in &routes {
                let mut hear = mesh.keys().to_vec();
                hear.retain(|_| !quiet && chance.percent(60));
                route.turn(hear);
            }
            context.sleep(chance.millis(1_000, 8_000)).await;
        }
    });
}
