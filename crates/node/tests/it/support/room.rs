//! A directory of one's own.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A directory that goes away at the end.
#[derive(Debug)]
pub(crate) struct Room(PathBuf);

impl Room {
    pub(crate) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("llmnet-it-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A room whose network is configured.
    pub(crate) fn with(config: &str) -> Self {
        let room = Self::new();
        std::fs::create_dir_all(room.network()).unwrap();
        std::fs::write(room.network().join("llmnet.toml"), config).unwrap();
        room
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Where its network is.
    pub(crate) fn network(&self) -> PathBuf {
        self.0.join("network")
    }

    /// A file beside the network.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
