//! Speaks HTTP: OpenAI API, receipts, explorer, dashboard.

pub mod port;
