//! A link that stands: what is sent, what comes, and how it ended.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use llmnet_types::signature::PublicKey;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, BufWriter, split},
    net::TcpStream,
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;

use crate::{
    LinkError, Settings,
    frame::{self, CONTROL, Read, hello, network_of},
    identity,
};

/// Messages that may wait to be sent. More are refused: whoever sends decides what then.
const WAITING_MAX: usize = 256;
/// Messages that may wait to be taken. More wait at the peer's.
const TAKEN_MAX: usize = 64;
/// Silences of a heartbeat's length after which a peer is gone.
const SILENCES_MAX: u32 = 3;

/// A message, and which conversation it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Chosen by the side that listens, never 0; answers carry the same.
    pub conversation: u64,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Why a message is not on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The link has ended.
    #[error("the link has ended")]
    Ended,
    /// The peer takes messages more slowly than they come.
    #[error("too many messages wait for this peer")]
    Full,
    /// It is longer than a message may be, or of conversation 0.
    #[error("no such message can be sent")]
    Impossible,
}

/// How a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// The peer closed it.
    #[error("the peer closed the link")]
    Closed,
    /// This side closed it.
    #[error("this side closed the link")]
    Left,
    /// Nothing was heard for too long.
    #[error("nothing was heard from the peer for {after:?}")]
    Silent {
        /// How long.
        after: Duration,
    },
    /// A message had a length that none may have.
    #[error("the peer sent a message of {length} bytes, where {limit} are allowed")]
    Length {
        /// Its length.
        length: usize,
        /// The most.
        limit: usize,
    },
    /// The peer said something that links do not say.
    #[error("the peer broke the rules of links")]
    Broken,
    /// The connection broke, or what came was changed on its way.
    #[error("the connection broke: {0}")]
    Broke(String),
}

/// A link to a peer that has proven its key.
#[derive(Debug)]
pub struct Link {
    peer: PublicKey,
    outgoing: Outgoing,
    incoming: Incoming,
}

/// The way to the peer. Clones share it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    waiting: mpsc::Sender<Frame>,
    message_length_max: usize,
}

/// The way from the peer. Dropped, it ends the link.
#[derive(Debug)]
pub struct Incoming {
    frames: mpsc::Receiver<Frame>,
    ended: Arc<Mutex<Option<Ended>>>,
    tasks: [JoinHandle<()>; 2],
}

impl Link {
    /// Who is at the other end, by a key that it has proven to have.
    pub const fn peer(&self) -> PublicKey {
        self.peer
    }

    /// The two ways.
    pub fn split(self) -> (Outgoing, Incoming) {
        (self.outgoing, self.incoming)
    }
}

impl Outgoing {
    /// Puts a message on its way, without waiting.
    ///
    /// # Errors
    /// See [`Unsent`]. A message that was taken may still be lost with the link.
    pub fn send(&self, frame: Frame) -> Result<(), Unsent> {
        if !self.can_be_sent(&frame) {
            return Err(Unsent::Impossible);
        }
        self.waiting.try_send(frame).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Unsent::Full,
            mpsc::error::TrySendError::Closed(_) => Unsent::Ended,
        })
    }

    /// Puts a message on its way as soon as there is room for it.
    ///
    /// # Errors
    /// See [`Unsent`]; never that it is full.
    pub async fn send_after(&self, frame: Frame) -> Result<(), Unsent> {
        if !self.can_be_sent(&frame) {
            return Err(Unsent::Impossible);
        }
        let sent = self.waiting.send(frame).await;
        sent.map_err(|_| Unsent::Ended)
    }

    fn can_be_sent(&self, frame: &Frame) -> bool {
        frame.conversation != CONTROL && frame.bytes.len() <= self.message_length_max
    }

    /// Whether the link still stands, as far as is known.
    pub fn stands(&self) -> bool {
        !self.waiting.is_closed()
    }
}

impl Incoming {
    /// The next message, in the order sent.
    ///
    /// # Errors
    /// The link has ended, and how.
    pub async fn next(&mut self) -> Result<Frame, Ended> {
        match self.frames.recv().await {
            Some(frame) => Ok(frame),
            None => {
                let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
                Err(ended.clone().unwrap_or(Ended::Closed))
            }
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Links to whoever listens at an address and has this key.
///
/// # Errors
/// See [`LinkError`].
pub async fn dial(settings: &Settings, address: &str, peer: PublicKey) -> Result<Link, LinkError> {
    let config = identity::dialing(settings, peer)?;
    let deadline = Instant::now() + settings.handshake;
    let slow = |_| LinkError::Slow {
        address: address.to_owned(),
        after: settings.handshake,
    };
    let stream = timeout_at(deadline, TcpStream::connect(address)).await;
    let stream = stream
        .map_err(slow)?
        .map_err(|source| LinkError::Unreachable {
            address: address.to_owned(),
            source,
        })?;
    let _ = stream.set_nodelay(true);
    let stranger = |error: io::Error| LinkError::Stranger {
        address: address.to_owned(),
        expected: peer,
        reason: error.to_string(),
    };
    // No name is sent and none is checked: the key says who it is.
    let name = ServerName::try_from("llmnet").map_err(|error| LinkError::Key(error.to_string()))?;
    let handshake = async {
        let mut stream = TlsConnector::from(config).connect(name, stream).await?;
        if stream.get_ref().1.alpn_protocol() != Some(identity::PROTOCOL) {
            return Err(io::Error::other("it speaks another protocol"));
        }
        let network = greet(&mut stream, settings).await?;
        Ok((stream, network))
    };
    let (stream, network) = timeout_at(deadline, handshake)
        .await
        .map_err(slow)?
        .map_err(stranger)?;
    if network != settings.network {
        return Err(LinkError::OtherNetwork {
            address: address.to_owned(),
            found: network,
            expected: settings.network,
        });
    }
    Ok(stand(stream, peer, settings))
}

/// Says hello and hears the peer's: which network it is of.
pub(crate) async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    settings: &Settings,
) -> io::Result<llmnet_types::id::NetworkId> {
    let own = hello(&settings.network);
    frame::write(stream, &own).await?;
    stream.flush().await?;
    match frame::read(stream, own.bytes.len()).await? {
        Read::Frame(first) => {
            network_of(&first).ok_or_else(|| io::Error::other("its first words are no hello"))
        }
        Read::End => Err(io::ErrorKind::UnexpectedEof.into()),
        Read::Length(_) => Err(io::Error::other("its first words are no hello")),
    }
}

/// Makes a link of a connection on which both sides said hello.
pub(crate) fn stand<S>(stream: S, peer: PublicKey, settings: &Settings) -> Link
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (from, to) = split(stream);
    let (waiting, outbox) = mpsc::channel(WAITING_MAX);
    let (inbox, frames) = mpsc::channel(TAKEN_MAX);
    let ended = Arc::new(Mutex::new(None));
    let message_length_max = settings.message_length_max;
    let reading = Reading {
        message_length_max,
        silence_max: settings.heartbeat.saturating_mul(SILENCES_MAX),
        inbox,
    };
    // The first to end says how; with it the other one's half is of no use.
    let conclude = |ended: &Arc<Mutex<Option<Ended>>>| {
        let ended = Arc::clone(ended);
        move |how: Ended| {
            let mut ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.get_or_insert(how);
        }
    };
    let (of_reader, of_writer) = (conclude(&ended), conclude(&ended));
    let heartbeat = settings.heartbeat;
    let writer = tokio::spawn(async move {
        of_writer(write_all(BufWriter::new(to), outbox, heartbeat).await);
    });
    let stop = writer.abort_handle();
    let reader = tokio::spawn(async move {
        of_reader(reading.run(BufReader::new(from)).await);
        stop.abort();
    });
    Link {
        peer,
        outgoing: Outgoing {
            waiting,
            message_length_max,
        },
        incoming: Incoming {
            frames,
            ended,
            tasks: [writer, reader],
        },
    }
}

/// Sends what waits, and a sign of life where nothing does.
async fn write_all(
    mut to: impl AsyncWrite + Unpin,
    mut outbox: mpsc::Receiver<Frame>,
    heartbeat: Duration,
) -> Ended {
    loop {
        let next = match outbox.try_recv() {
            Ok(frame) => Some(frame),
            Err(_) => {
                // What is written leaves before this side waits.
                if let Err(error) = to.flush().await {
                    return Ended::Broke(error.to_string());
                }
                match timeout(heartbeat, outbox.recv()).await {
                    Ok(Some(frame)) => Some(frame),
                    Ok(None) => {
                        let _ = to.shutdown().await;
                        return Ended::Left;
                    }
                    Err(_) => None,
                }
            }
        };
        let alive = Frame {
            conversation: CONTROL,
            bytes: Vec::new(),
        };
        if let Err(error) = frame::write(&mut to, &next.unwrap_or(alive)).await {
            return Ended::Broke(error.to_string());
        }
    }
}

struct Reading {
    message_length_max: usize,
    silence_max: Duration,
    inbox: mpsc::Sender<Frame>,
}

impl Reading {
    async fn run(self, mut from: impl AsyncRead + Unpin) -> Ended {
        loop {
            let read = frame::read(&mut from, self.message_length_max);
            let Ok(read) = timeout(self.silence_max, read).await else {
                let after = self.silence_max;
                return Ended::Silent { after };
            };
            match read {
                Ok(Read::Frame(frame)) if frame.conversation == CONTROL => {
                    if !frame.bytes.is_empty() {
                        return Ended::Broken;
                    }
                }
                Ok(Read::Frame(frame)) => {
                    if self.inbox.send(frame).await.is_err() {
                        return Ended::Left;
                    }
                }
                Ok(Read::End) => return Ended::Closed,
                Ok(Read::Length(length)) => {
                    let limit = self.message_length_max;
                    return Ended::Length { length, limit };
                }
                Err(error) => return Ended::Broke(error.to_string()),
            }
        }
    }
}
