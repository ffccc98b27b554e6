//! As much of HTTP/1.1 as is needed: kept connections, bodies of a length or in chunks.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::answer::find;

/// The most bytes of a head or of a line between chunks.
const HEAD_MAX: usize = 64 * 1024;
/// The most bytes of a body.
const BODY_MAX: usize = 16 * 1024 * 1024;

/// A connection and what was read of it beyond the last message.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunks,
}

/// A head, as it came, with its empty line.
#[derive(Debug)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    pub(crate) fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.0.get(9..12)?).ok()?.parse().ok()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let text = std::str::from_utf8(&self.0).ok()?;
        text.split("\r\n").skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The first line.
    pub(crate) fn line(&self) -> String {
        let end = find(&self.0, b"\r\n").unwrap_or(self.0.len());
        String::from_utf8_lossy(&self.0[..end]).into_owned()
    }

    fn framing(&self) -> Option<Framing> {
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Some(Framing::Chunks);
        }
        let length = self.header("content-length")?.parse().ok()?;
        Some(Framing::Length(length))
    }
}

impl Connection {
    pub(crate) fn new(stream: TcpStream) -> Result<Self, String> {
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
            start: 0,
        })
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|error| format!("cannot write: {error}"))
    }

    /// The head of the next message; nothing where the connection ends before it.
    pub(crate) async fn head(&mut self) -> Result<Option<Head>, String> {
        // What was taken is let go of here, so that nothing is moved while a body is read.
        self.buffer.drain(..self.start);
        self.start = 0;
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                self.start = end + 4;
                return Ok(Some(Head(self.buffer[..end + 4].to_vec())));
            }
            if self.buffer.len() > HEAD_MAX {
                return Err("a head that does not end".to_owned());
            }
            if !self.more().await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err("the connection ended within a head".to_owned())
                };
            }
        }
    }

    /// The body behind a head. `heard` is told of each piece as it comes, and of what was there before it.
    pub(crate) async fn body(
        &mut self,
        head: &Head,
        mut heard: impl FnMut(&[u8]),
    ) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        match head.framing() {
            None => {}
            Some(Framing::Length(length)) => {
                self.take(length, &mut body, &mut heard).await?;
            }
            Some(Framing::Chunks) => loop {
                let line = self.line().await?;
                let digits = line.split(';').next().unwrap_or_default().trim();
                let length = usize::from_str_radix(digits, 16)
                    .map_err(|_| format!("no length of a chunk: {line:?}"))?;
                if length == 0 {
                    // Nobody here sends trailers; a line that is not empty would be one.
                    let end = self.line().await?;
                    if !end.is_empty() {
                        return Err(format!("a trailer: {end:?}"));
                    }
                    break;
                }
                self.take(length, &mut body, &mut heard).await?;
                self.line().await?;
            },
        }
        Ok(body)
    }

    async fn take(
        &mut self,
        length: usize,
        body: &mut Vec<u8>,
        heard: &mut impl FnMut(&[u8]),
    ) -> Result<(), String> {
        if body.len() + length > BODY_MAX {
            return Err("a body that is too long".to_owned());
        }
        let mut left = length;
        while left > 0 {
            if self.start == self.buffer.len() && !self.more().await? {
                return Err("the connection ended within a body".to_owned());
            }
            let taken = left.min(self.buffer.len() - self.start);
            body.extend_from_slice(&self.buffer[self.start..self.start + taken]);
            self.start += taken;
            left -= taken;
            heard(body);
        }
        Ok(())
    }

    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = find(&self.buffer[self.start..], b"\r\n") {
                let line = &self.buffer[self.start..self.start + end];
                let line = String::from_utf8_lossy(line).into_owned();
                self.start += end + 2;
                return Ok(line);
            }
            if self.buffer.len() - self.start > HEAD_MAX || !self.more().await? {
                return Err("the connection ended between chunks".to_owned());
            }
        }
    }

    async fn more(&mut self) -> Result<bool, String> {
        let read = self.stream.read_buf(&mut self.buffer).await;
        let read = read.map_err(|error| format!("cannot read: {error}"))?;
        Ok(read > 0)
    }
}
