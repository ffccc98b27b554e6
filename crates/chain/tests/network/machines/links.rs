//! What joins four machines, and can be cut: network namespaces, or proxies where those are not allowed.

use std::{
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::MACHINES;
use crate::testnet::free_address;

/// The machines' links.
pub(super) enum Links {
    Namespaces(Namespaces),
    Proxies(Proxies),
}

impl Links {
    /// Namespaces if this process may make them; else proxies, and says so.
    pub(super) fn new() -> Self {
        let wanted = std::env::var("LLMNET_LINKS").as_deref() != Ok("proxies");
        let namespaces = wanted.then(Namespaces::new);
        match namespaces.unwrap_or_else(|| Err("LLMNET_LINKS says so".into())) {
            Ok(namespaces) => {
                println!("each validator runs in a network namespace of its own");
                Self::Namespaces(namespaces)
            }
            Err(reason) => {
                println!(
                    "NO NETWORK NAMESPACES HERE ({reason}): all validators share one network, and a proxy cuts the links"
                );
                Self::Proxies(Proxies::new())
            }
        }
    }

    /// How a program is started on a machine.
    pub(super) fn command(&self, machine: usize, program: &str) -> Command {
        match self {
            Self::Namespaces(namespaces) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &namespaces.name(machine), program]);
                command
            }
            Self::Proxies(_) => Command::new(program),
        }
    }

    /// Where a machine listens, and where it reaches each of the others.
    pub(super) fn addresses(&self, machine: usize) -> (SocketAddr, Vec<SocketAddr>) {
        match self {
            Self::Namespaces(_) => {
                let of = |number: usize| SocketAddr::from(([10, 77, 0, number as u8 + 1], 4000));
                (of(machine), (0..MACHINES).map(of).collect())
            }
            Self::Proxies(proxies) => {
                let ways = proxies.ways.iter().filter(|way| way.from == machine);
                (
                    proxies.listen[machine],
                    ways.map(|way| way.address).collect(),
                )
            }
        }
    }

    /// Cuts a machine off, or joins it again.
    pub(super) fn join(&self, machine: usize, joined: bool) {
        match self {
            Self::Namespaces(namespaces) => {
                let state = if joined { "up" } else { "down" };
                let link = format!("v{machine}");
                ip(&["-n", &namespaces.hub(), "link", "set", &link, state]).unwrap();
            }
            Self::Proxies(proxies) => {
                for way in &proxies.ways {
                    if way.from == machine || way.to == machine {
                        way.join(joined);
                    }
                }
            }
        }
    }
}

/// Runs `ip`.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| format!("ip cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("ip {}: {reason}", arguments.join(" ")))
}

/// A namespace for each machine, and one with the bridge between them: nothing of the host is touched.
pub(super) struct Namespaces {
    prefix: String,
}

impl Namespaces {
    fn new() -> Result<Self, String> {
        // What was made until something fails goes away with it.
        let namespaces = Self {
            prefix: format!("llmnet-{}", std::process::id()),
        };
        let hub = namespaces.hub();
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "add", "bridge", "type", "bridge"])?;
        ip(&["-n", &hub, "link", "set", "bridge", "up"])?;
        for machine in 0..MACHINES {
            let (name, link) = (namespaces.name(machine), format!("v{machine}"));
            let address = format!("10.77.0.{}/24", machine + 1);
            ip(&["netns", "add", &name])?;
            ip(&[
                "link", "add", &link, "netns", &name, "type", "veth", "peer", "name", &link,
                "netns", &hub,
            ])?;
            ip(&["-n", &hub, "link", "set", &link, "master", "bridge", "up"])?;
            ip(&["-n", &name, "addr", "add", &address, "dev", &link])?;
            ip(&["-n", &name, "link", "set", &link, "up"])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
        }
        Ok(namespaces)
    }

    fn name(&self, machine: usize) -> String {
        format!("{}-{machine}", self.prefix)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for machine in 0..MACHINES {
            let _ = ip(&["netns", "del", &self.name(machine)]);
        }
        let _ = ip(&["netns", "del", &self.hub()]);
    }
}

/// A way from each machine to each other one.
pub(super) struct Proxies {
    listen: Vec<SocketAddr>,
    ways: Vec<Way>,
}

/// Hands connections from one machine on to another.
struct Way {
    from: usize,
    to: usize,
    address: SocketAddr,
    joined: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxies {
    fn new() -> Self {
        let listen: Vec<_> = (0..MACHINES).map(|_| free_address()).collect();
        let pairs = (0..MACHINES).flat_map(|from| (0..MACHINES).map(move |to| (from, to)));
        let ways = pairs.map(|(from, to)| Way::new(from, to, listen[to]));
        Self {
            ways: ways.collect(),
            listen,
        }
    }
}

impl Way {
    fn new(from: usize, to: usize, target: SocketAddr) -> Self {
        let address = free_address();
        let listener = TcpListener::bind(address).unwrap();
        let (joined, open) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let way = Self {
            from,
            to,
            address,
            joined: joined.clone(),
            open: Arc::clone(&open),
        };
        // Ends with the test's process.
        thread::spawn(move || {
            for incoming in listener.incoming().flatten() {
                if !joined.load(Ordering::Relaxed) {
                    continue;
                }
                let Ok(outgoing) = TcpStream::connect(target) else {
                    continue;
                };
                hand_on(&incoming, &outgoing, &open);
                hand_on(&outgoing, &incoming, &open);
                if !joined.load(Ordering::Relaxed) {
                    close(&open);
                }
            }
        });
        way
    }

    fn join(&self, joined: bool) {
        self.joined.store(joined, Ordering::Relaxed);
        if !joined {
            close(&self.open);
        }
    }
}

fn hand_on(from: &TcpStream, to: &TcpStream, open: &Mutex<Vec<TcpStream>>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    let ours = from.try_clone().unwrap();
    open.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(ours);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn close(open: &Mutex<Vec<TcpStream>>) {
    for stream in open
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
