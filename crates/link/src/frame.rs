//! A message on a link: its length, its conversation, its bytes.
//!
//! ```text
//! u32 length of what follows | u64 conversation | bytes            little-endian
//! ```
//!
//! The first frame of each side is its hello: conversation 0 and the network's id. A frame of conversation 0
//! without bytes, afterwards, says that its sender is alive.

use std::io;

use llmnet_types::id::NetworkId;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::Frame;

/// Bytes on the wire besides a message's own, encryption apart.
pub const FRAME_OVERHEAD: usize = 12;

const CONVERSATION_LENGTH: usize = 8;

/// Conversation of what links say themselves.
pub(crate) const CONTROL: u64 = 0;

/// Writes a frame, not flushed.
pub(crate) async fn write(to: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> io::Result<()> {
    let length = CONVERSATION_LENGTH.saturating_add(frame.bytes.len());
    let length = u32::try_from(length).map_err(|_| io::Error::other("a frame beyond 4 GiB"))?;
    to.write_all(&length.to_le_bytes()).await?;
    to.write_all(&frame.conversation.to_le_bytes()).await?;
    to.write_all(&frame.bytes).await
}

/// What could be read.
pub(crate) enum Read {
    Frame(Frame),
    /// The peer closed between two frames.
    End,
    /// The next frame has a length that none may have.
    Length(usize),
}

/// Reads the next frame. Memory for it is taken once its length is known to be within the bound.
pub(crate) async fn read(
    from: &mut (impl AsyncRead + Unpin),
    message_length_max: usize,
) -> io::Result<Read> {
    let mut length = [0; 4];
    if from.read(&mut length[..1]).await? == 0 {
        return Ok(Read::End);
    }
    from.read_exact(&mut length[1..]).await?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    let Some(bytes) = length.checked_sub(CONVERSATION_LENGTH) else {
        return Ok(Read::Length(length));
    };
    if bytes > message_length_max {
        return Ok(Read::Length(bytes));
    }
    let conversation = from.read_u64_le().await?;
    let mut message = vec![0; bytes];
    from.read_exact(&mut message).await?;
    Ok(Read::Frame(Frame {
        conversation,
        bytes: message,
    }))
}

/// A side's first frame.
pub(crate) fn hello(network: &NetworkId) -> Frame {
    Frame {
        conversation: CONTROL,
        bytes: network.0.to_vec(),
    }
}

/// Of which network a first frame is; none if it is no hello.
pub(crate) fn network_of(frame: &Frame) -> Option<NetworkId> {
    let id = frame.bytes.as_slice().try_into().ok().map(NetworkId);
    id.filter(|_| frame.conversation == CONTROL)
}

#[cfg(test)]
mod tests;
