//! A channel of the engine, shared by the engines of the terms one after another.
//!
//! Validators do not enter a term at the same moment. What one hears of the next term before it is there
//! itself is kept for then: else the first leader's block would be lost on the others, and they would wait
//! for its time to run out.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{
    LimitedSender, Message, Receiver, Recipients, Sender,
    utils::mux::{CheckedGlobalSender, GlobalSender, parse},
};
use llmnet_types::units::Term;
use tokio::sync::mpsc;

use crate::{
    network::{Channel, Transport},
    runtime::Runtime,
};

/// Messages of the next term kept of each peer, the newest ones.
const EARLY_MAX: usize = 16;
/// The most bytes of a message that is kept: the largest certificate has less.
const EARLY_LENGTH_MAX: usize = 16 << 10;

/// A channel, and the term that it serves.
pub(super) struct Line<S: Sender> {
    sender: S,
    capacity: NonZeroUsize,
    board: Arc<Mutex<Board>>,
}

/// Where messages go.
struct Board {
    term: u64,
    open: Option<mpsc::Sender<Message<PublicKey>>>,
    early: VecDeque<Message<PublicKey>>,
}

/// What is to be done with a message.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    /// It is of this term, or of none that is to come.
    Here,
    /// Its sender is in a later term.
    Ahead,
}

impl Board {
    fn take(&mut self, term: u64, message: Message<PublicKey>) -> Route {
        if term <= self.term {
            if term == self.term
                && let Some(open) = &self.open
            {
                // One that is full, or over, takes no more: messages may be lost at any time.
                let _ = open.try_send(message);
            }
            return Route::Here;
        }
        if term == self.term + 1 && message.1.as_ref().len() <= EARLY_LENGTH_MAX {
            let of_peer = |(peer, _): &Message<PublicKey>| *peer == message.0;
            if self.early.iter().filter(|early| of_peer(early)).count() >= EARLY_MAX
                && let Some(oldest) = self.early.iter().position(of_peer)
            {
                self.early.remove(oldest);
            }
            self.early.push_back(message);
        }
        Route::Ahead
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Sender<PublicKey = PublicKey>> Line<S> {
    /// Begins to receive. Who is in a later term is told to `ahead`.
    pub(super) fn open<T: Transport<Sender = S>>(
        context: impl Runtime,
        (sender, mut receiver): Channel<T>,
        ahead: mpsc::Sender<(Term, PublicKey)>,
    ) -> Self {
        let line = Self {
            sender,
            capacity: receiver.capacity(),
            board: Arc::new(Mutex::new(Board {
                term: 0,
                open: None,
                early: VecDeque::new(),
            })),
        };
        let board = line.board.clone();
        context.spawn(move |_| async move {
            // Its end is the network's, which the validator notices by itself.
            while let Ok((peer, bytes)) = receiver.recv().await {
                let Ok((term, bytes)) = parse(bytes) else {
                    continue;
                };
                if lock(&board).take(term, (peer.clone(), bytes)) == Route::Ahead {
                    // Others will say so too.
                    let _ = ahead.try_send((Term(term), peer));
                }
            }
        });
        line
    }

    /// Serves a term from now on, beginning with what was heard of it before.
    pub(super) fn enter(&self, Term(term): Term) -> (TermSender<S>, TermReceiver) {
        let (sender, messages) = mpsc::channel(self.capacity.get());
        let mut board = lock(&self.board);
        let early = std::mem::take(&mut board.early);
        if term == board.term + 1 {
            for message in early {
                let _ = sender.try_send(message);
            }
        }
        board.term = term;
        board.open = Some(sender);
        drop(board);
        let sender = TermSender {
            term,
            inner: GlobalSender::new(self.sender.clone()),
        };
        let receiver = TermReceiver {
            capacity: self.capacity,
            messages,
        };
        (sender, receiver)
    }
}

/// Sends in one term.
#[derive(Debug, Clone)]
pub(super) struct TermSender<S: Sender> {
    term: u64,
    inner: GlobalSender<S>,
}

impl<S: Sender> LimitedSender for TermSender<S> {
    type PublicKey = S::PublicKey;
    type Checked<'a> = CheckedGlobalSender<'a, S>;

    fn check(
        &mut self,
        recipients: Recipients<Self::PublicKey>,
    ) -> Result<Self::Checked<'_>, SystemTime> {
        let checked = self.inner.check(recipients)?;
        Ok(checked.with_subchannel(self.term))
    }
}

/// The term is over.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the term is over")]
pub(super) struct TermOver;

/// Receives in one term.
pub(super) struct TermReceiver {
    capacity: NonZeroUsize,
    messages: mpsc::Receiver<Message<PublicKey>>,
}

impl fmt::Debug for TermReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermReceiver").finish_non_exhaustive()
    }
}

impl Receiver for TermReceiver {
    type Error = TermOver;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, TermOver> {
        self.messages.recv().await.ok_or(TermOver)
    }

    fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use commonware_cryptography::Signer as _;
    use commonware_runtime::IoBuf;

    use super::*;
    use crate::setup::engine_seed;

    fn board(term: u64) -> (Board, mpsc::Receiver<Message<PublicKey>>) {
        let (open, messages) = mpsc::channel(100);
        let board = Board {
            term,
            open: Some(open),
            early: VecDeque::new(),
        };
        (board, messages)
    }

    fn message(peer: u8, length: usize) -> Message<PublicKey> {
        let bytes = vec![peer; length];
        (engine_seed([peer; 32]).public_key(), IoBuf::from(bytes))
    }

    #[test]
    fn only_what_is_of_the_term_comes_through() {
        // COM-1
        let (mut board, mut messages) = board(4);
        for (term, route) in [
            (0, Route::Here),
            (3, Route::Here),
            (4, Route::Here),
            (5, Route::Ahead),
            (6, Route::Ahead),
            (u64::MAX, Route::Ahead),
        ] {
            assert_eq!(board.take(term, message(1, 8)), route, "term {term}");
        }
        assert!(messages.try_recv().is_ok());
        assert!(messages.try_recv().is_err(), "one is of term 4");
        assert_eq!(board.early.len(), 1, "one is of term 5");
    }

    #[test]
    fn nobody_fills_the_memory_with_what_is_early() {
        let (mut board, _messages) = board(4);
        for number in 0..100 {
            board.take(5, message(1, 1 + number));
        }
        board.take(5, message(2, EARLY_LENGTH_MAX));
        board.take(5, message(2, EARLY_LENGTH_MAX + 1));
        let lengths = |peer: u8| -> Vec<usize> {
            let peer = message(peer, 0).0;
            let of_peer = board.early.iter().filter(|(key, _)| *key == peer);
            of_peer.map(|(_, bytes)| bytes.as_ref().len()).collect()
        };
        assert_eq!(lengths(1), (85..=100).collect::<Vec<_>>(), "the newest");
        assert_eq!(lengths(2), [EARLY_LENGTH_MAX]);
    }
}
