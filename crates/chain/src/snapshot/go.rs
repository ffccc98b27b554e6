//! Out of a directory's storage, and into another's.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::{
    Epochable as _,
    simplex::{scheme::ed25519::Scheme, types::Finalization},
};
use commonware_cryptography::{Digestible as _, sha256};
use commonware_parallel::Sequential;
use commonware_runtime::{
    Runner as _, Supervisor as _,
    tokio::{Config as RuntimeConfig, Context, Runner},
};
use commonware_storage::{
    archive::{Archive as _, Identifier},
    mmr::{self, Location},
    qmdb::sync::{
        self as qmdb_sync, Request, Response,
        source::{Result as SourceResult, Source},
    },
};
use commonware_utils::{NZU64, NZUsize};
use llmnet_ledger::Genesis;
use llmnet_types::{
    block::Header,
    certificate::namespace,
    codec,
    network::Electorate,
    succession::HandOver,
    units::{Height, Term},
};

use super::{
    SnapshotError,
    file::{Kind, Reader, Writer, damaged},
};
use crate::{
    application::sync_target,
    block::Block,
    directory::Directory,
    electorates::members,
    engine::{archives, page_cache, plan},
    hand_overs::{HAND_OVER_LENGTH_MAX, HandOvers},
    runtime::Steady,
    service::genesis_header,
    setup::Home as _,
    store::{self, Qmdb, marked_height},
    sync::{Answer, Key, Op, answer_of, decode},
};

/// How far before the state a certified block is looked for.
const UNCERTIFIED_MAX: u64 = 64;

type Machine = Steady<Context>;

fn failed(error: impl std::fmt::Display) -> SnapshotError {
    SnapshotError::Failed {
        reason: error.to_string(),
    }
}

fn untrue(reason: impl Into<String>) -> SnapshotError {
    SnapshotError::Untrue {
        reason: reason.into(),
    }
}

/// Runs something on storage in a directory, on a thread of its own: the caller may be a runtime's.
fn with_storage<T: Send, F: Future<Output = Result<T, SnapshotError>>>(
    directory: PathBuf,
    work: impl FnOnce(Machine) -> F + Send,
) -> Result<T, SnapshotError> {
    let config = RuntimeConfig::new()
        .with_worker_threads(1)
        .with_max_blocking_threads(4)
        .with_storage_directory(directory);
    thread::scope(|scope| {
        let worker =
            scope.spawn(|| Runner::new(config).start(|context| work(Steady::new(context))));
        worker
            .join()
            .unwrap_or_else(|_| Err(failed("it ended with a panic")))
    })
}

pub(super) fn export(
    path: &Path,
    genesis: &Genesis,
    file: &mut (impl Write + Send),
) -> Result<Height, SnapshotError> {
    let directory = Directory::open(path, genesis.id())?;
    with_storage(directory.data(), |context| async move {
        Box::pin(write_all(&context, file)).await
    })
}

async fn write_all(context: &Machine, file: &mut impl Write) -> Result<Height, SnapshotError> {
    let cache = page_cache();
    let (finalizations, blocks) = Box::pin(archives(context, &cache)).await.map_err(failed)?;
    let hand_overs = HandOvers::open(context, cache.clone())
        .await
        .map_err(failed)?;
    let database = Qmdb::init(context.child("state"), store::config(cache), None);
    let database = database.await.map_err(failed)?;
    let mark = database.get_metadata().await.map_err(failed)?;
    let newest = mark.and_then(|mark| marked_height(&mark)).unwrap_or(0);

    let mut heights = (newest.saturating_sub(UNCERTIFIED_MAX).max(1)..=newest).rev();
    let (block, finalization) = loop {
        let height = heights.next().ok_or(SnapshotError::Uncertified)?;
        let finalization = finalizations.get(Identifier::Index(height)).await;
        let block = blocks.get(Identifier::Index(height)).await;
        if let (Some(finalization), Some(block)) =
            (finalization.map_err(failed)?, block.map_err(failed)?)
        {
            break (block, finalization);
        }
    };

    let mut writer = Writer::new(file)?;
    let header = block.header();
    for term in 0..header.term.0 {
        let hand_over = hand_overs.get(Term(term)).await;
        let hand_over =
            hand_over.ok_or_else(|| failed(format!("how term {term} ended is not known")))?;
        writer.section(Kind::HandOver, &codec::encode(&hand_over))?;
    }
    writer.section(Kind::Block, &block.encode())?;
    writer.section(Kind::Certificate, &finalization.encode())?;

    let target = sync_target(header);
    let (start, size) = (target.range.start(), target.range.end());
    let gone = || failed("the log of changes does not reach back far enough");
    let boundary = answer_of(&database, Request::Boundary { size, start }).await;
    let (_, bytes) = boundary.ok_or_else(gone)?;
    writer.section(Kind::Boundary, &bytes)?;
    // The first is in the boundary.
    let mut at = Location::new(*start + 1);
    while at < size {
        let request = Request::Operations {
            size,
            start: at,
            max_ops: crate::sync::OPERATIONS_MAX,
        };
        let (count, bytes) = answer_of(&database, request).await.ok_or_else(gone)?;
        writer.section(Kind::Operations, &bytes)?;
        at = Location::new(*at + count);
    }
    writer.end()?;
    Ok(header.height)
}

pub(super) fn import(
    path: &Path,
    genesis: &Genesis,
    file: impl Read + Send + 'static,
) -> Result<Height, SnapshotError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let result = import_part(&part, genesis, file);
    if result.is_err() {
        // What went wrong is more to the point than whether this works.
        let _ = fs::remove_dir_all(&part);
    }
    let height = result?;
    fs::rename(&part, path)?;
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => fs::File::open(parent)?.sync_all()?,
        None => fs::File::open(".")?.sync_all()?,
    }
    Ok(height)
}

fn import_part(
    part: &Path,
    genesis: &Genesis,
    file: impl Read + Send + 'static,
) -> Result<Height, SnapshotError> {
    if part.exists() {
        // Of an import that did not come to its end.
        fs::remove_dir_all(part)?;
    }
    let directory = Directory::open(part, genesis.id())?;
    // The header of block 0 tells the roots of the first state, which is made once to know them.
    let scratch = part.join("scratch");
    let first = with_storage(scratch.clone(), |context| async move {
        let roots = store::write_genesis(&context, page_cache(), genesis.writes()).await;
        Ok(genesis_header(genesis, roots.map_err(failed)?))
    })?;
    fs::remove_dir_all(scratch)?;
    directory.keep_genesis(&first)?;
    with_storage(directory.data(), |mut context| async move {
        read_all(&mut context, genesis, file).await
    })
}

async fn read_all(
    context: &mut Machine,
    genesis: &Genesis,
    file: impl Read + Send + 'static,
) -> Result<Height, SnapshotError> {
    let cache = page_cache();
    let mut reader = Reader::new(file)?;
    let hand_overs = HandOvers::open(context, cache.clone())
        .await
        .map_err(failed)?;
    let mut electorate = genesis.root().electorate();
    let block = loop {
        match reader.section()? {
            Some((Kind::HandOver, bytes)) => {
                let hand_over: HandOver = codec::decode(&bytes, HAND_OVER_LENGTH_MAX)
                    .map_err(|_| damaged("a hand-over that is none"))?;
                electorate = hand_over
                    .follow(&electorate)
                    .map_err(|error| untrue(format!("a hand-over: {error}")))?;
                hand_overs.keep(&hand_over).await;
            }
            Some((Kind::Block, bytes)) => {
                break Block::decode(Copying(&bytes[..]))
                    .map_err(|_| damaged("a block that is none"))?;
            }
            _ => return Err(damaged("its block is missing")),
        }
    };
    let header = block.header().clone();
    let Some((Kind::Certificate, bytes)) = reader.section()? else {
        return Err(damaged("its certificate is missing"));
    };
    let finalization = check(context, &block, &bytes, &electorate)?;
    let Some((Kind::Boundary, bytes)) = reader.section()? else {
        return Err(damaged("the beginning of its log is missing"));
    };

    let target = sync_target(&header);
    let (start, size) = (target.range.start(), target.range.end());
    let boundary = decode(Request::Boundary { size, start }, bytes.into());
    let log = Arc::new(Log(Mutex::new(Inner {
        reader,
        boundary: boundary.ok_or_else(|| damaged("the beginning of its log is none"))?,
        first: *start,
        next: *start + 1,
    })));
    let synced = qmdb_sync::sync::<Qmdb<Machine>, _>(qmdb_sync::engine::Config {
        context: context.child("state"),
        source: log.clone(),
        target,
        // Pieces come in their order.
        max_outstanding_requests: NZUsize!(1),
        fetch_batch_size: crate::sync::OPERATIONS_MAX,
        apply_batch_size: NZU64!(4096),
        db_config: store::config(cache.clone()),
        update_rx: None,
        finish_rx: None,
        reached_target_tx: None,
    });
    let database = synced.await.map_err(|error| match error {
        qmdb_sync::Error::Source(error) => error,
        error => untrue(format!("its log: {error}")),
    })?;
    let behind = log.lock().reader.section()?;
    if behind.is_some() {
        return Err(damaged("its log goes on behind its end"));
    }
    let mark = database.get_metadata().await.map_err(failed)?;
    let of = mark.and_then(|mark| marked_height(&mark));
    if of != Some(header.height.0) || database.root().0 != header.state.0 {
        return Err(untrue("its state is not its block's"));
    }
    database.sync().await.map_err(failed)?;

    let (finalizations, blocks) = Box::pin(archives(context, &cache)).await.map_err(failed)?;
    let (height, digest) = (header.height.0, block.digest());
    let kept = blocks.put_sync(height, digest, &Arc::new(block)).await;
    kept.map_err(failed)?;
    let kept = finalizations.put_sync(height, digest, &finalization).await;
    kept.map_err(failed)?;
    let _ = plan(context).await.set_floor(finalization).await;
    Ok(header.height)
}

/// Whether the committee that the genesis leads to signed the block.
fn check(
    context: &mut Machine,
    block: &Block,
    certificate: &[u8],
    electorate: &Electorate,
) -> Result<Finalization<Scheme, sha256::Digest>, SnapshotError> {
    let Electorate {
        network,
        term,
        committee,
    } = electorate;
    let header: &Header = block.header();
    if header.network != *network {
        return Err(untrue(format!("it is of network {}", header.network)));
    }
    let count = committee.keys().len();
    let finalization =
        Finalization::<Scheme, sha256::Digest>::decode_cfg(Copying(certificate), &count)
            .map_err(|_| damaged("a certificate that is none"))?;
    let members = members(committee).ok_or_else(|| untrue("a validator's key is no key"))?;
    let scheme = Scheme::verifier(&namespace(network), members);
    let is_signed = finalization.epoch().get() == term.0
        && header.term == *term
        && finalization.proposal.payload == block.digest()
        && finalization.verify(context, &scheme, &Sequential);
    if !is_signed || !block.is_consistent() {
        return Err(untrue("its block is not signed by the committee"));
    }
    Ok(finalization)
}

/// A snapshot's log, piece by piece.
struct Log<R>(Mutex<Inner<R>>);

struct Inner<R> {
    reader: Reader<R>,
    /// The first operation, and what is left of it.
    boundary: Answer,
    first: u64,
    /// Where the next piece begins.
    next: u64,
}

impl<R> Log<R> {
    fn lock(&self) -> MutexGuard<'_, Inner<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read + Send> Source for Log<R> {
    type Family = mmr::Family;
    type Digest = sha256::Digest;
    type Op = Op;
    type Error = SnapshotError;

    async fn serve(&self, request: Key) -> SourceResult<Self> {
        let mut inner = self.lock();
        let start = match request {
            Request::Boundary { .. } => return Ok((inner.boundary.clone(), None)),
            Request::Operations { start, .. } => start,
        };
        if *start == inner.first
            && let Response::Boundary { proof, op, .. } = &inner.boundary
        {
            let (proof, operations) = (proof.clone(), vec![op.clone()]);
            return Ok((Response::Operations { proof, operations }, None));
        }
        if *start != inner.next {
            return Err(damaged("a piece of its log does not hold"));
        }
        let Some((Kind::Operations, bytes)) = inner.reader.section()? else {
            return Err(damaged("a piece of its log is missing"));
        };
        let answer = decode(request, bytes.into());
        let answer = answer.ok_or_else(|| damaged("a piece of its log is none"))?;
        if let Response::Operations { operations, .. } = &answer {
            inner.next += operations.len() as u64;
        }
        Ok((answer, None))
    }
}
