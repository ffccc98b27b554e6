//! An expert as a process of its own: a store behind two pipes.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use llmnet_knowledge::{
    collaborate::{
        expert::{self, Disclosure},
        message::{MESSAGE_LENGTH_MAX, Reply, Request},
    },
    store::Store,
};
use llmnet_types::{
    codec::{decode, encode},
    id::Salt,
};

/// Answers requests until nobody asks any more.
pub(crate) fn serve(store: &Path, model: Option<&str>) -> anyhow::Result<()> {
    let store = Store::open(store, &Salt([0; 32]))?;
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    while let Some(bytes) = receive(&mut input)? {
        let reply = match decode::<Request>(&bytes, MESSAGE_LENGTH_MAX)? {
            Request::Catalogue { .. } => {
                let told = expert::catalogue(&store, &*store.proofs()?, model)?;
                Reply::Catalogue(told.map(Box::new))
            }
            Request::Ask(ask) => {
                let announced = store.proofs()?;
                let found = expert::answer(&store, &announced, &ask, Disclosure::Passages)?;
                Reply::Found(found)
            }
        };
        send(&mut output, &encode(&reply))?;
    }
    Ok(())
}

fn send(output: &mut impl Write, bytes: &[u8]) -> anyhow::Result<()> {
    output.write_all(&u32::try_from(bytes.len())?.to_le_bytes())?;
    output.write_all(bytes)?;
    Ok(output.flush()?)
}

fn receive(input: &mut impl Read) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if let Err(error) = input.read_exact(&mut length) {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return Ok(None);
        }
        return Err(error.into());
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MESSAGE_LENGTH_MAX {
        bail!("a message of {length} bytes");
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}

/// An expert's process, from outside.
pub(crate) struct Expert {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// Messages there and back.
    pub(crate) messages: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Expert {
    /// Starts one over a store.
    pub(crate) fn start(store: &Path, model: Option<&str>) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("expert").arg("--store").arg(store);
        if let Some(model) = model {
            command.args(["--model-name", model]);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start an expert")?;
        Ok(Self {
            input: child.stdin.take().context("no pipe")?,
            output: child.stdout.take().context("no pipe")?,
            child,
            messages: 0,
            bytes: 0,
        })
    }

    /// Sends a request; the reply is for [`Expert::hear`]. So several experts work at once.
    pub(crate) fn ask(&mut self, request: &Request) -> anyhow::Result<()> {
        let bytes = encode(request);
        self.messages += 1;
        self.bytes += bytes.len() as u64;
        send(&mut self.input, &bytes)
    }

    /// Waits for the reply.
    pub(crate) fn hear(&mut self) -> anyhow::Result<Reply> {
        let bytes = receive(&mut self.output)?.context("the expert ended")?;
        self.messages += 1;
        self.bytes += bytes.len() as u64;
        Ok(decode(&bytes, MESSAGE_LENGTH_MAX)?)
    }

    /// Its peak memory in MiB, where the system tells.
    pub(crate) fn memory_peak_mib(&self) -> Option<f64> {
        memory(&format!("/proc/{}/status", self.child.id()))
    }
}

/// The peak memory of a process in MiB, by what the system says of it.
pub(crate) fn memory(status: &str) -> Option<f64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

impl Drop for Expert {
    fn drop(&mut self) {
        // Its pipe closes with us, and it ends; this only waits for it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
