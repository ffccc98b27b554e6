//! One transaction: fee, nonce, and what is wanted (TXN).

use llmnet_types::{
    codec::encode,
    dispute::FaultProof,
    rejection::{ProofPart, Rejection},
    signature::PublicKey,
    transaction::{Instruction, Outcome, TRANSACTION_LENGTH_MAX, Transaction},
};

use crate::{Mismatch, Oracle, Refusal, mismatch::require, money::money};

/// What the ledger decides by selecting the panel again, which is not done here.
fn by_panel(instruction: &Instruction, reason: &Rejection) -> bool {
    match instruction {
        Instruction::Fault(proof) => {
            matches!(**proof, FaultProof::Panel(_)) && *reason == Rejection::NoFault
        }
        Instruction::Answer(_) => {
            let part = ProofPart::Panel;
            *reason == Rejection::Proof { part }
        }
        _ => false,
    }
}

impl Oracle {
    pub(crate) fn transaction(
        &mut self,
        transaction: &Transaction,
        outcome: &Outcome,
    ) -> Result<(), Mismatch> {
        let signer = transaction.body.signer;
        let found = match outcome {
            Outcome::Applied { fee } => (true, money(*fee)),
            Outcome::Rejected { fee, .. } => (false, money(*fee)),
        };
        let fee = match self.charge(transaction) {
            Ok(fee) => fee,
            // TXN-3: it changes nothing at all.
            Err(refusal) => {
                return self.agree(
                    "TXN-3",
                    transaction,
                    outcome,
                    found == (false, 0),
                    refusal.0,
                );
            }
        };
        self.agree(
            "TXN-2",
            transaction,
            outcome,
            found.1 == fee,
            format!("fee {fee}"),
        )?;
        let mut after = self.clone();
        let wanted = after.instruct(&signer, &transaction.body.instruction);
        match (wanted, outcome) {
            (Ok(()), Outcome::Applied { .. }) => {
                *self = after;
                self.forget_bonds();
                Ok(())
            }
            (Err(_), Outcome::Rejected { .. }) => Ok(()),
            (Ok(()), Outcome::Rejected { reason, .. })
                if by_panel(&transaction.body.instruction, reason) =>
            {
                Ok(())
            }
            (Ok(()), _) => self.agree("TXN-3", transaction, outcome, false, "applied".to_owned()),
            (Err(refusal), _) => self.agree("TXN-3", transaction, outcome, false, refusal.0),
        }
    }

    fn agree(
        &self,
        rule: &'static str,
        transaction: &Transaction,
        outcome: &Outcome,
        holds: bool,
        oracle: String,
    ) -> Result<(), Mismatch> {
        if holds {
            return Ok(());
        }
        let signer = transaction.body.signer.short();
        Err(Mismatch {
            height: self.height,
            rule,
            what: format!("{signer} wants {:?}", transaction.body.instruction),
            ledger: format!("{outcome:?}"),
            oracle,
        })
    }

    /// TXN-1 to TXN-3: takes fee and nonce, or refuses where nobody can be charged.
    fn charge(&mut self, transaction: &Transaction) -> Result<u128, Refusal> {
        let body = &transaction.body;
        let length = encode(transaction).len();
        require(length <= TRANSACTION_LENGTH_MAX, "ENC-2: too long")?;
        require(body.network == self.network, "TXN-1: another network")?;
        require(
            body.nonce == self.account(&body.signer).nonce,
            "TXN-1: the nonce",
        )?;
        require(transaction.is_signed(), "TXN-1: the signature")?;
        // TXN-2: who has a panel selected again pays for the largest transaction.
        let selects = match &body.instruction {
            Instruction::Fault(proof) => matches!(**proof, FaultProof::Panel(_)),
            Instruction::Answer(_) => true,
            _ => false,
        };
        let bytes = if selects {
            TRANSACTION_LENGTH_MAX
        } else {
            length
        };
        let fee = bytes as u128 * money(self.params.fee_per_byte);
        self.take(&body.signer, fee)?;
        self.split_fee(fee);
        self.accounts.entry(body.signer).or_default().nonce += 1;
        Ok(fee)
    }

    fn instruct(&mut self, signer: &PublicKey, instruction: &Instruction) -> Result<(), Refusal> {
        match instruction {
            Instruction::Transfer { to, amount } => self.transfer(signer, to, money(*amount)),
            Instruction::OpenLine {
                coordinator,
                amount,
                expires,
            } => self.open_line(signer, coordinator, money(*amount), expires.0),
            Instruction::TopUp { line, amount } => self.top_up(signer, *line, money(*amount)),
            Instruction::CloseLine { line } => self.close_line(signer, *line),
            Instruction::Register(signed) => self.register(signer, signed),
            Instruction::Update(signed) => self.update(signer, signed),
            Instruction::Rotate(rotated) => self.rotate(signer, rotated),
            Instruction::Retire { provider } => self.retire(signer, *provider),
            Instruction::Announce(announcement) => self.announce(signer, announcement),
            Instruction::Enlist(signed) => self.enlist(signer, signed),
            Instruction::Delist { node, role } => self.delist(signer, node, *role),
            Instruction::Bond { node, role, amount } => {
                self.add_bond(signer, node, *role, money(*amount))
            }
            Instruction::Unbond { node, role, amount } => {
                self.take_bond(signer, node, *role, money(*amount))
            }
            Instruction::Anchor {
                purpose,
                tip,
                length,
            } => self.anchor(signer, *purpose, *tip, *length),
            Instruction::Settle(settlement) => self.settle(signer, settlement),
            Instruction::CoSign(all) => self.co_sign(all),
            Instruction::Vote(params) => self.vote(signer, params),
            Instruction::AuditRoot { root, items } => self.audit_root(signer, *root, *items),
            Instruction::AuditOpen(opening) => self.audit_open(signer, opening),
            Instruction::Fault(proof) => self.fault(proof),
            Instruction::File(filing) => self.file(signer, filing),
            Instruction::Challenge(challenge) => self.challenge(signer, challenge),
            Instruction::Answer(answer) => self.answer(signer, answer),
        }
    }
}
