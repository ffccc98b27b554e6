//! Truths that hold after every block, checkable on a whole state.
