//! Where loaders run: a thread that may panic, with a stack for deep nesting and a bound on its time.

use std::sync::mpsc;

use super::{LOAD_TIME_MAX, LoadError, Loaded};

/// Enough for [`super::NESTING_MAX`] levels of any loader, many times over. Only what is used is real.
const STACK_SIZE: usize = 64 * 1024 * 1024;

/// The thread's name, by which a panic hook may keep quiet about what is reported anyway.
pub const THREAD: &str = "loader";

/// Runs a loader.
///
/// A loader that hangs cannot be ended; it is left behind and ends with the program. That is why whoever adds files
/// does so in a process of its own (`llmnet knowledge add`), not in the node that serves.
pub(super) fn run(
    loader: impl FnOnce() -> Result<Loaded, LoadError> + Send + 'static,
) -> Result<Loaded, LoadError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new()
        .name(THREAD.to_owned())
        .stack_size(STACK_SIZE)
        .spawn(move || {
            let loaded = loader();
            // Nobody waits any more: nothing to tell.
            let _ = sender.send(loaded);
        })
        .map_err(|error| LoadError::Io(error.to_string()))?;
    match receiver.recv_timeout(LOAD_TIME_MAX) {
        Ok(loaded) => loaded,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(LoadError::TooSlow),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let panic = thread.join().err();
            let text = panic.as_ref().and_then(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied())
            });
            let text = text.unwrap_or("without saying why");
            Err(LoadError::Panicked(text.chars().take(200).collect()))
        }
    }
}
