//! Settlements to be carried: coordinators with lines of all requesters, everything signed beforehand.

use llmnet_ledger::{Genesis, GenesisAnchor, GenesisValidator, State, chain_step, charges, query};
use llmnet_types::{
    codec::{List, Text},
    contract::{Strategy, Voucher},
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    settlement::{LEAVES_MAX, Leaf, LeafSeat, Settlement},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

const REQUESTERS: usize = 100;
const PROVIDERS: usize = 10;
const SEATS: usize = 3;
/// Blocks of an epoch: seconds, so that epochs close while it is measured.
const EPOCH_BLOCKS: u32 = 256;

pub(crate) fn key(role: &str, number: usize) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(format!("{role} {number}").as_bytes()).0)
}

/// A coordinator with a line of each requester.
struct Coordinator {
    key: PrivateKey,
    /// The elements of its hash chain, the first to be opened last.
    chain: Vec<Digest>,
    nonce: u64,
    slot: u64,
    lines: Vec<LineId>,
    n: Vec<u32>,
    drawn: Vec<Amount>,
}

/// What the ledger calls providers, and each coordinator's lines.
pub(crate) struct Numbers {
    providers: Vec<ProviderId>,
    lines: Vec<Vec<LineId>>,
}

/// Who takes part.
pub(crate) struct Workload {
    id: NetworkId,
    params: Params,
    coordinators: Vec<Coordinator>,
    requesters: Vec<PrivateKey>,
    operators: Vec<PrivateKey>,
    nodes: Vec<PrivateKey>,
    providers: Vec<ProviderId>,
}

impl Workload {
    /// So many coordinators, whose hash chains serve so many slots each, and the network they are of.
    pub(crate) fn new(
        coordinators: usize,
        slots: u32,
        mut validators: Vec<GenesisValidator>,
    ) -> (Self, Genesis) {
        let of = |role, count| {
            (0..count)
                .map(|number| key(role, number))
                .collect::<Vec<_>>()
        };
        let (requesters, operators) = (of("requester", REQUESTERS), of("operator", PROVIDERS));
        let mut anchors = Vec::new();
        let coordinators: Vec<_> = of("coordinator", coordinators)
            .into_iter()
            .map(|key| {
                let steps = std::iter::successors(Some(Digest::of(&key.to_seed())), |next| {
                    Some(chain_step(next))
                });
                let mut chain: Vec<_> = steps.take(slots as usize + 1).collect();
                anchors.push(GenesisAnchor {
                    coordinator: key.public_key(),
                    tip: chain.pop().unwrap(),
                    length: slots,
                });
                Coordinator {
                    key,
                    chain,
                    nonce: 0,
                    slot: 0,
                    lines: Vec::new(),
                    n: vec![0; REQUESTERS],
                    drawn: vec![Amount::ZERO; REQUESTERS],
                }
            })
            .collect();
        let params = Params {
            epoch_blocks: EPOCH_BLOCKS,
            ..Params::local()
        };
        let keys = coordinators.iter().map(|coordinator| &coordinator.key);
        let owners = requesters.iter().chain(&operators).chain(keys);
        let accounts = owners.map(|owner| (owner.public_key(), Amount(10_000_000_000_000)));
        validators.sort_by_key(|validator| validator.node);
        let genesis = Genesis {
            name: Text::new("bench").unwrap(),
            validators: List::truncated(validators),
            params: params.clone(),
            beacon: Digest::ZERO,
            timestamp_ms: 0,
            accounts: List::truncated(accounts),
            anchors: List::truncated(anchors),
        };
        genesis.check().unwrap();
        let workload = Self {
            id: genesis.id(),
            params,
            coordinators,
            requesters,
            operators,
            nodes: of("node", PROVIDERS),
            providers: Vec::new(),
        };
        (workload, genesis)
    }

    /// What has to be final before anything is settled: registrations and lines.
    pub(crate) fn beginnings(&self) -> Vec<Transaction> {
        let mut transactions = Vec::new();
        for (number, (node, operator)) in self.nodes.iter().zip(&self.operators).enumerate() {
            let domains = ["physics", "law"].map(|name| Domain::new(name).unwrap());
            let registration = Registration {
                node: node.public_key(),
                operator: operator.public_key(),
                nonce: 0,
                domains: List::truncated(domains),
                model: Model {
                    family: Text::new("bench").unwrap(),
                    name: Text::new("model").unwrap(),
                    digest: Digest::of(&number.to_le_bytes()),
                    assurance: Assurance::Declared,
                },
                corpus: None,
                price: Price::default(),
                tokenizer: Tokenizer::Bytes4,
                bond: Amount::CREDIT,
            };
            let signed = Signed::new(registration, &self.id, node);
            let register = Instruction::Register(Box::new(signed));
            transactions.push(Transaction::sign(self.id, operator, 0, register));
        }
        for requester in &self.requesters {
            for (nonce, coordinator) in (0..).zip(&self.coordinators) {
                let open = Instruction::OpenLine {
                    coordinator: coordinator.key.public_key(),
                    amount: Amount(100_000_000_000),
                    expires: Epoch(100_000),
                };
                transactions.push(Transaction::sign(self.id, requester, nonce, open));
            }
        }
        transactions
    }

    /// Which numbers the ledger gave to providers and lines; none before [`Workload::beginnings`] are applied.
    pub(crate) fn numbers(&self, state: &dyn State) -> Option<Numbers> {
        let providers = self.nodes.iter().map(|node| {
            let (id, _) = query::provider_of(state, &node.public_key())?;
            Some(id)
        });
        // All is asked for before anything is missed, for a state that is fetched.
        let providers: Vec<_> = providers.collect();
        let lines = self.coordinators.iter().map(|coordinator| {
            let lines = self.requesters.iter().map(|requester| {
                let coordinator = coordinator.key.public_key();
                let (id, _) = query::line_of(state, &requester.public_key(), &coordinator)?;
                Some(id)
            });
            lines.collect::<Vec<_>>().into_iter().collect()
        });
        let lines: Vec<Option<_>> = lines.collect();
        Some(Numbers {
            providers: providers.into_iter().collect::<Option<_>>()?,
            lines: lines.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Takes those over; what is settled names them.
    pub(crate) fn learn(&mut self, numbers: Numbers) {
        self.providers = numbers.providers;
        for (coordinator, lines) in self.coordinators.iter_mut().zip(numbers.lines) {
            coordinator.lines = lines;
        }
    }

    /// The next settlement of a coordinator, of contracts of this height, with a voucher for each line and a
    /// co-signature of each seat.
    pub(crate) fn settlement(&mut self, coordinator: usize, height: Height) -> Transaction {
        let Self {
            id,
            params,
            coordinators,
            requesters,
            nodes,
            providers,
            ..
        } = self;
        let coordinator = &mut coordinators[coordinator];
        let first_slot = Slot(coordinator.slot);
        let leaves: Vec<_> = (0..LEAVES_MAX)
            .map(|number| coordinator.leaf(number, height, params, providers))
            .collect();
        let opened = coordinator.chain.len() + 1 - leaves.len();
        coordinator.chain.truncate(opened);
        let vouchers = requesters.iter().enumerate().map(|(number, requester)| {
            let voucher = Voucher {
                line: coordinator.lines[number],
                n: coordinator.n[number],
                limit: coordinator.drawn[number],
                terms: Digest::ZERO,
            };
            (voucher.line, Signed::new(voucher, id, requester))
        });
        let mut vouchers: Vec<_> = vouchers.collect();
        vouchers.sort_by_key(|(line, _)| *line);
        let mut settlement = Settlement {
            first_slot,
            opening: coordinator.chain.pop().unwrap(),
            vouchers: List::truncated(vouchers.into_iter().map(|(_, voucher)| voucher)),
            leaves: List::truncated(leaves),
            line_oks: List::new(),
        };
        let mut line_oks: Vec<_> = providers
            .iter()
            .zip(nodes)
            .map(|(provider, node)| {
                let line_ok = settlement.line_ok(*provider).unwrap();
                (*provider, Signed::new(line_ok, id, node))
            })
            .collect();
        line_oks.sort_by_key(|(provider, _)| *provider);
        settlement.line_oks = List::from_vec(line_oks).unwrap();
        let nonce = coordinator.nonce;
        coordinator.nonce += 1;
        let settle = Instruction::Settle(Box::new(settlement));
        Transaction::sign(*id, &coordinator.key, nonce, settle)
    }

    /// The coordinators.
    pub(crate) fn coordinators(&self) -> impl ExactSizeIterator<Item = PublicKey> {
        self.coordinators
            .iter()
            .map(|coordinator| coordinator.key.public_key())
    }
}

impl Coordinator {
    fn leaf(
        &mut self,
        number: usize,
        height: Height,
        params: &Params,
        providers: &[ProviderId],
    ) -> Leaf {
        let requester = number % REQUESTERS;
        let seats = (0_u8..).take(SEATS).map(|rank| LeafSeat {
            provider: providers[(number + usize::from(rank) * 3) % PROVIDERS],
            rank,
            outcome: SeatOutcome::Served,
            class: 0,
            score: Score::clamped(8_000),
            output: Tokens(300),
            latency_ms: 700,
            pay: Amount(1_000 + number as u64),
        });
        let seats = List::truncated(seats);
        let pay = Amount::sum(seats.iter().map(|seat: &LeafSeat| seat.pay)).unwrap();
        let charges = charges(params, pay, Amount(500)).unwrap();
        self.n[requester] += 1;
        self.drawn[requester] = self.drawn[requester].checked_add(charges.total).unwrap();
        let receipt = ReceiptRoot(Digest::of(&self.slot.to_le_bytes()).0);
        self.slot += 1;
        Leaf {
            line: self.lines[requester],
            n: self.n[requester],
            height,
            domains: List::truncated([
                (DomainId(0), Score::clamped(7_000)),
                (DomainId(1), Score::clamped(3_000)),
            ]),
            strategy: Strategy::Auto,
            status: ContractStatus::Concluded,
            filtered: false,
            charge: charges.total,
            fee: charges.fee,
            receipt,
            seats,
        }
    }
}
