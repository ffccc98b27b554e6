//! Somebody on the way, who passes on what is sent as he likes.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
};

use crate::loopback;

/// What he does with what is sent to the listener.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// Turns over the bit of this place in all that is sent.
    Flip(usize),
    /// Passes on nothing more, in either direction, from when he is told.
    Freeze,
}

/// Stands before an address; tells what was sent to it so far, and freezes when told.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) freeze: watch::Sender<bool>,
}

pub(crate) async fn stand_before(to: SocketAddr, manner: Manner) -> Proxy {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (freeze, frozen) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(to).await.unwrap();
            let (near_in, near_out) = near.into_split();
            let (far_in, far_out) = far.into_split();
            tokio::spawn(pass(near_in, far_out, Some(manner), frozen.clone()));
            tokio::spawn(pass(far_in, near_out, None, frozen.clone()));
        }
    });
    Proxy { address, freeze }
}

async fn pass(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    manner: Option<Manner>,
    frozen: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if let Some(Manner::Flip(place)) = manner
            && (passed..passed + count).contains(&place)
        {
            buffer[place - passed] ^= 1;
        }
        passed += count;
        if *frozen.borrow() {
            // Held open, and silent.
            std::future::pending::<()>().await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// What one side sends in a link that comes about, byte by byte.
pub(crate) async fn recorded(to: SocketAddr) -> (SocketAddr, watch::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (record, records) = watch::channel(Vec::new());
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(to).await.unwrap();
        let (mut near_in, mut near_out) = near.into_split();
        let (mut far_in, mut far_out) = far.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut far_in, &mut near_out).await });
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = near_in.read(&mut buffer).await {
            record.send_modify(|all| all.extend_from_slice(&buffer[..count]));
            if far_out.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    (address, records)
}
