//! No validator at all behind a validator's key: sends noise, broken pieces of what it heard, and other
//! validators' old messages, on every channel.

use std::sync::Arc;

use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::{Clock as _, IoBuf, Spawner as _, Supervisor as _, deterministic};

use crate::simulation::{chance::Chance, links::Mesh};

/// Messages remembered for each channel.
const HEARD_MAX: usize = 64;

pub(super) async fn start(
    context: &deterministic::Context,
    mesh: &Arc<Mesh>,
    index: usize,
    mut chance: Chance,
) {
    for (mut sender, mut receiver) in mesh.tap(mesh.key(index)).await {
        let mut chance = chance.branch();
        let mesh = mesh.clone();
        context.child("garbler").spawn(|context| async move {
            let mut heard: Vec<Vec<u8>> = Vec::new();
            loop {
                let pause = chance.millis(20, 400);
                tokio::select! {
                    biased;
                    Ok((_, message)) = receiver.recv() => {
                        if heard.len() == HEARD_MAX {
                            heard.remove(chance.index(HEARD_MAX));
                        }
                        heard.push(message.as_ref().to_vec());
                        continue;
                    }
                    () = context.sleep(pause) => {}
                }
                let message = garble(&mut chance, &heard);
                let to = Recipients::One(chance.pick(mesh.keys()).clone());
                let _ = sender.send(to, IoBuf::from(message), chance.percent(50));
            }
        });
    }
}

fn garble(chance: &mut Chance, heard: &[Vec<u8>]) -> Vec<u8> {
    if heard.is_empty() || chance.percent(20) {
        let length = chance.below(300);
        return (0..length)
            .map(|_| chance.next().to_le_bytes()[0])
            .collect();
    }
    let mut message = chance.pick(heard).clone();
    match chance.below(4) {
        // As it was: other validators' messages are not ours, and old.
        0 => {}
        1 => message.truncate(chance.index(message.len() + 1)),
        2 => message.extend_from_slice(&chance.next().to_le_bytes()),
        _ => {
            for _ in 0..=chance.below(3) {
                if !message.is_empty() {
                    let at = chance.index(message.len());
                    message[at] ^= 1 << chance.below(8);
                }
            }
        }
    }
    message
}
