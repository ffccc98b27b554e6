//! Runs the roles; sole reader of flags, files and environment.
fn main() {}
