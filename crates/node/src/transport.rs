//! Between a coordinator and its respondents: bytes both ways, bounded queues, and a seat that does not
//! listen is a seat that cannot be reached. Whether it listens in this process or over a link ([`far`]) is
//! nobody else's business.

pub mod dialing;
pub mod far;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use llmnet_link::{Frame, Outgoing};
use llmnet_types::signature::PublicKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many parcels may wait for one respondent.
pub(crate) const INBOX: usize = 1_024;
/// How many of them may be news: the rest is kept for what somebody waits for.
const NEWS: usize = INBOX / 2;
/// How many answers may wait for one conversation.
pub const REPLIES: usize = 256;

/// A message on its way to a respondent.
#[derive(Debug)]
pub struct Parcel {
    /// The coordinator it comes from, proven by the transport.
    pub from: PublicKey,
    /// A `ToSeat`.
    pub bytes: Vec<u8>,
    /// Where answers go.
    pub reply: Reply,
    /// The place among news, given back once it is taken.
    news: Option<OwnedSemaphorePermit>,
}

/// A message on its way back.
#[derive(Debug)]
pub struct Returned {
    /// The respondent it comes from, proven by the transport.
    pub from: PublicKey,
    /// A `ToCoordinator`; nothing where its link ended, so that nothing more will come.
    pub bytes: Option<Vec<u8>>,
}

/// The way back to a conversation.
#[derive(Debug, Clone)]
pub struct Reply(Way);

#[derive(Debug, Clone)]
enum Way {
    Near {
        from: PublicKey,
        sender: mpsc::Sender<Returned>,
    },
    Far {
        link: Outgoing,
        conversation: u64,
    },
    /// Nobody waits for one.
    Nowhere,
}

impl Reply {
    /// Answers. What a conversation that is full or over cannot take is dropped: it has its own limits
    /// in time.
    pub fn send(&self, bytes: Vec<u8>) {
        match &self.0 {
            Way::Near { from, sender } => {
                let from = *from;
                let bytes = Some(bytes);
                let _ = sender.try_send(Returned { from, bytes });
            }
            Way::Far { link, conversation } => {
                let conversation = *conversation;
                let _ = link.send(Frame {
                    conversation,
                    bytes,
                });
            }
            Way::Nowhere => {}
        }
    }

    /// Tells that nothing more will come.
    fn lose(&self) {
        if let Way::Near { from, sender } = &self.0 {
            let (from, bytes) = (*from, None);
            let _ = sender.try_send(Returned { from, bytes });
        }
    }

    /// Whether the coordinator is of this process.
    pub fn is_near(&self) -> bool {
        !matches!(self.0, Way::Far { .. })
    }

    /// Whether nobody can be answered any more.
    fn is_over(&self) -> bool {
        match &self.0 {
            Way::Near { sender, .. } => sender.is_closed(),
            Way::Far { link, .. } => !link.stands(),
            Way::Nowhere => true,
        }
    }
}

/// Who can be reached.
#[derive(Debug, Clone, Default)]
pub struct Hub {
    inboxes: Arc<Mutex<BTreeMap<PublicKey, Inbox>>>,
}

#[derive(Debug, Clone)]
struct Inbox {
    sender: mpsc::Sender<Parcel>,
    news: Arc<Semaphore>,
    /// Whether the respondent is of this process.
    near: bool,
}

/// Nobody there, or nobody listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the respondent cannot be reached")]
pub struct Unreached;

impl Hub {
    /// Opens the inbox of a respondent of this process, closing the one it may have had.
    pub fn join(&self, respondent: PublicKey) -> mpsc::Receiver<Parcel> {
        self.open(respondent, true)
    }

    fn open(&self, respondent: PublicKey, near: bool) -> mpsc::Receiver<Parcel> {
        let (sender, inbox) = mpsc::channel(INBOX);
        let news = Arc::new(Semaphore::new(NEWS));
        self.lock().insert(respondent, Inbox { sender, news, near });
        inbox
    }

    /// Whether a respondent is of this process.
    pub fn is_near(&self, respondent: &PublicKey) -> bool {
        self.lock().get(respondent).is_some_and(|inbox| inbox.near)
    }

    /// Who can be reached.
    pub fn reached(&self) -> Vec<PublicKey> {
        let inboxes = self.lock();
        let listening = inboxes
            .iter()
            .filter(|(_, inbox)| !inbox.sender.is_closed());
        listening.map(|(respondent, _)| *respondent).collect()
    }

    /// Whether anybody listens.
    pub fn reaches(&self, respondent: &PublicKey) -> bool {
        self.lock()
            .get(respondent)
            .is_some_and(|inbox| !inbox.sender.is_closed())
    }

    /// Sends to a respondent without waiting.
    ///
    /// # Errors
    /// It does not listen, or has too much to do.
    pub fn send(
        &self,
        from: PublicKey,
        to: &PublicKey,
        bytes: Vec<u8>,
        replies: &mpsc::Sender<Returned>,
    ) -> Result<(), Unreached> {
        let inbox = self.lock().get(to).cloned().ok_or(Unreached)?;
        let reply = Reply(Way::Near {
            from: *to,
            sender: replies.clone(),
        });
        inbox
            .sender
            .try_send(Parcel {
                from,
                bytes,
                reply,
                news: None,
            })
            .map_err(|_| Unreached)
    }

    /// Sends news, to which no answer comes. Where too much of it waits already, so does this one, and takes no place
    /// from what somebody waits for.
    ///
    /// # Errors
    /// The respondent does not listen, or has too much else to do.
    pub async fn tell(
        &self,
        from: PublicKey,
        to: &PublicKey,
        bytes: Vec<u8>,
    ) -> Result<(), Unreached> {
        let inbox = self.lock().get(to).cloned().ok_or(Unreached)?;
        let news = inbox.news.acquire_owned().await.map_err(|_| Unreached)?;
        inbox
            .sender
            .try_send(Parcel {
                from,
                bytes,
                reply: Reply(Way::Nowhere),
                news: Some(news),
            })
            .map_err(|_| Unreached)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PublicKey, Inbox>> {
        // The map is whole after any single call, so a panic elsewhere does not spoil it.
        self.inboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
