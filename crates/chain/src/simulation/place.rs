//! A validator's place in the committee: its key, its machine, and what is on the machine's disk.

use std::{
    io,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
};

use commonware_cryptography::Signer as _;
use commonware_runtime::{Handle, Spawner as _, Supervisor as _, deterministic};
use futures::FutureExt as _;
use llmnet_ledger::Genesis;
use llmnet_types::block::Header;
use tokio::sync::oneshot;

use super::{
    links::{Key, Links},
    machine::{ClientTime, Hardware, Machine, describe},
};
use crate::{
    config::{Keep, Pacing},
    local_client::LocalClient,
    network::Network,
    runtime::Steady,
    service,
    setup::{Handles, Home, Setup, engine_seed},
};

/// What all validators agree on beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) genesis: Genesis,
    pub(crate) pacing: Pacing,
    pub(crate) keep: Keep,
    pub(crate) replayed_max: u64,
}

/// What stays of a validator while it does not run.
pub(crate) struct Place {
    pub(crate) seed: [u8; 32],
    pub(crate) key: Key,
    pub(crate) hardware: Arc<Hardware>,
    /// How often it was started.
    pub(crate) starts: u32,
    home: DiskHome,
}

/// A running validator.
pub(crate) struct Running {
    pub(crate) client: Arc<LocalClient>,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) handle: Handle<()>,
}

/// How a validator ended that nobody killed: told to, or for this reason.
pub(crate) type End = Result<(), String>;

/// The header of block 0 as a file of which either all or nothing is there.
#[derive(Debug, Clone, Default)]
struct DiskHome(Arc<Mutex<Option<Header>>>);

impl Home for DiskHome {
    fn genesis(&self) -> Option<Header> {
        let header = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        header.clone()
    }

    fn keep_genesis(&self, header: &Header) -> io::Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(header.clone());
        Ok(())
    }
}

/// The seed of a validator's key.
pub(crate) fn seed(index: usize) -> [u8; 32] {
    [u8::try_from(index).expect("a small committee") + 1; 32]
}

impl Place {
    pub(crate) fn new(index: usize, disk: String) -> Self {
        let seed = seed(index);
        Self {
            seed,
            key: engine_seed(seed).public_key(),
            hardware: Hardware::new(disk),
            starts: 0,
            home: DiskHome::default(),
        }
    }

    /// Puts an empty disk into the machine. The validator must not run.
    pub(crate) fn lose_disk(&mut self) {
        let disk = format!("{}x", self.hardware.disk);
        self.hardware = self.hardware.with_disk(disk);
        self.home = DiskHome::default();
    }

    /// Starts the validator, on what its disk has.
    pub(crate) fn start(
        &mut self,
        context: &deterministic::Context,
        terms: &Terms,
        network: Network<Links>,
        ended: impl FnOnce(End) + Send + 'static,
    ) -> Running {
        self.starts += 1;
        let hardware = self.hardware.clone();
        // What panicked before is over.
        hardware.take_panic();
        let context = context
            .child("validator")
            .with_attribute("disk", &hardware.disk)
            .with_attribute("start", self.starts);
        let clock = ClientTime(Machine::new(context.child("clients"), hardware.clone()));
        let (mut setup, Handles { client, stop }) = Setup::new(
            Box::new(self.home.clone()),
            self.seed,
            terms.genesis.clone(),
            terms.pacing,
            Box::new(clock),
        );
        setup.keep = terms.keep;
        setup.replayed_max = Some(terms.replayed_max);
        let end = client.end.clone();
        let handle = context.spawn(|context| async move {
            let machine = Steady::new(Machine::new(context, hardware.clone()));
            let run = service::run(machine, setup, move |_| network, || {});
            let result = tokio::select! {
                biased;
                panic = hardware.panicked() => Err(panic),
                result = AssertUnwindSafe(run).catch_unwind() => {
                    result.unwrap_or_else(|panic| Err(describe(panic.as_ref())))
                }
            };
            let reason = result.clone().err();
            *end.lock().unwrap_or_else(PoisonError::into_inner) = reason;
            ended(result);
        });
        Running {
            client: Arc::new(client),
            stop,
            handle,
        }
    }
}
