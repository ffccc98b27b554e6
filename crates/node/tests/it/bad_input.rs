//! What is wrong is said clearly, with a next step, and nothing is lost by it.

mod directories;
mod places;
mod requests;

use crate::support::{Room, output};

/// Known to the experts.
const QUESTION: &str = "What happens when one of four validators falls silent?";

/// What a command says to a directory, without the names of places.
pub(super) async fn complaint(room: &Room, arguments: &[&str]) -> String {
    let printed = output(room, arguments).await;
    assert_eq!(
        (printed.code, printed.out.as_str()),
        (1, ""),
        "{}",
        printed.err
    );
    let last: Vec<&str> = printed
        .err
        .lines()
        .filter(|line| !line.starts_with("· ") && !line.trim().is_empty())
        .collect();
    assert!(!printed.err.contains("panicked"), "{}", printed.err);
    let text = last.join("\n");
    text.replace(&room.network().display().to_string(), "DIR")
        .replace(&room.path().display().to_string(), "ROOM")
}
