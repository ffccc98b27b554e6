//! Fuzz targets stand with the tests of what they try; this is what they share with those of `llmnet-types`,
//! where `LLMNET_FUZZ_SECONDS` and `LLMNET_FUZZ_SEED` are explained.

#[path = "../../types/tests/it/fuzz/mutation.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of types, which use all of it"
)]
mod mutation;
#[path = "../../types/tests/it/fuzz/run.rs"]
mod run;

pub(crate) use mutation::mutate;
pub(crate) use run::fuzz;
