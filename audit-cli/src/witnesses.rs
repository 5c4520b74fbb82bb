//! Witnesses, and the way to them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::note::{
    AddCheckpoint, Answer, Checkpoint, MAX_ANSWER, Policy, SignedNote, VerifierKey, WitnessError,
};
use audit_core::prove::{ProveError, consistency};
use audit_core::store::Reader;
use tokio::task::{JoinHandle, spawn_blocking};
use ureq::Agent;

use crate::web::agent;

/// The witnesses of a policy that have an address.
pub(crate) struct Witnesses {
    agent: Agent,
    /// By their addresses. One that goes from key to key, or has two names, signs by all of them in one answer.
    keys: BTreeMap<String, Vec<VerifierKey>>,
    /// How large a log was when a witness has seen it last, by the witness's address and the log's name. It is not kept: a witness
    /// says it itself to who does not know.
    seen: BTreeMap<(String, String), u64>,
    /// Those that did not answer in time, by their addresses: they hold up no other log of this round.
    late: BTreeSet<String>,
}

/// What a witness was asked, and what it has answered.
struct Answered {
    asked: AddCheckpoint,
    status: u16,
    body: Vec<u8>,
}

/// Why a witness has not cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCosigned {
    /// It says so, or its answer is none.
    #[error(transparent)]
    Answer(#[from] WitnessError),
    /// There is no way to it, it is too slow, or its answer too long.
    #[error("it cannot be asked")]
    Http(#[from] ureq::Error),
    /// The log does not go on from what it has seen.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// It has said what it has seen, and now says something else.
    #[error("it says twice that it has seen the log at another size than it was asked for")]
    Restless,
    /// It was too slow for a log before.
    #[error("it has not answered in time in this round, and is asked again in the next one")]
    Late,
    /// Who asked has come to an end.
    #[error("it was not asked to the end")]
    Ended,
}

impl NotCosigned {
    /// Whether it speaks against the log.
    pub(crate) fn is_finding(&self) -> bool {
        matches!(self, Self::Answer(why) if why.is_finding())
    }

    fn is_late(&self) -> bool {
        matches!(self, Self::Http(ureq::Error::Timeout(_)))
    }
}

impl Witnesses {
    pub(crate) fn of(policy: &Policy, deadline: Duration) -> Self {
        let mut keys = BTreeMap::<_, Vec<_>>::new();
        for (key, url) in policy.witnesses() {
            if let Some(url) = url {
                keys.entry(url.to_owned()).or_default().push(key.clone());
            }
        }
        Self { agent: agent(deadline), keys, seen: BTreeMap::new(), late: BTreeSet::new() }
    }

    /// From here on all are asked again.
    pub(crate) fn begin_round(&mut self) {
        self.late.clear();
    }

    /// Asks all at once for their cosignatures, and answers with these below the checkpoint, and with the names of those that have
    /// not cosigned.
    pub(crate) async fn cosigned(
        &mut self,
        reader: &Reader,
        note: SignedNote,
    ) -> (SignedNote, Vec<(String, NotCosigned)>) {
        let (mut cosigned, mut failed) = (note.clone(), Vec::new());
        let Ok(checkpoint) = note.text().parse::<Checkpoint>() else {
            return (cosigned, failed);
        };
        let mut asked: Vec<_> = self.keys.clone().into_iter().collect();
        // The second time those that have said what they have seen.
        for is_last in [false, true] {
            let mut answers = Vec::new();
            for (url, keys) in std::mem::take(&mut asked) {
                let answer = self.ask(reader, &note, &checkpoint, &url).await;
                answers.push((url, keys, answer));
            }
            for (url, keys, answer) in answers {
                let answer = match answer {
                    Ok(answer) => answer.await.unwrap_or(Err(NotCosigned::Ended)),
                    Err(why) => Err(why),
                };
                let answered = match answer {
                    Ok(answered) => answered,
                    Err(why) => {
                        if why.is_late() {
                            self.late.insert(url);
                        }
                        let names: Vec<_> = keys.iter().map(VerifierKey::name).collect();
                        failed.push((names.join(", "), why));
                        continue;
                    }
                };
                let Answered { asked: asked_for, status, body } = answered;
                let (mut seen, mut wants_proof) = (None, false);
                for key in &keys {
                    let name = || key.name().to_owned();
                    match asked_for.answered(status, &body, key) {
                        Ok(Answer::Cosigned(by_it)) => {
                            seen = Some(checkpoint.size);
                            let signature = by_it.signatures().last().cloned();
                            cosigned = signature.into_iter().fold(cosigned, SignedNote::with);
                        }
                        Ok(Answer::Seen(size)) if !is_last => {
                            (seen, wants_proof) = (Some(size), true);
                        }
                        Ok(Answer::Seen(_)) => failed.push((name(), NotCosigned::Restless)),
                        Err(why) => failed.push((name(), why.into())),
                    }
                }
                if let Some(size) = seen {
                    self.seen.insert((url.clone(), checkpoint.origin.clone()), size);
                }
                if wants_proof {
                    asked.push((url, keys));
                }
            }
        }
        (cosigned, failed)
    }

    /// Begins to ask one of them.
    async fn ask(
        &self,
        reader: &Reader,
        note: &SignedNote,
        checkpoint: &Checkpoint,
        url: &str,
    ) -> Result<JoinHandle<Result<Answered, NotCosigned>>, NotCosigned> {
        if self.late.contains(url) {
            return Err(NotCosigned::Late);
        }
        let place = (url.to_owned(), checkpoint.origin.clone());
        let old = self.seen.get(&place).copied().unwrap_or(0);
        let proof = consistency(reader, old, checkpoint).await?;
        let asked = AddCheckpoint { old, proof, checkpoint: note.clone() };
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let agent = self.agent.clone();
        Ok(spawn_blocking(move || {
            let mut response = agent.post(url).send(asked.to_string())?;
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
            Ok(Answered { asked, status, body })
        }))
    }
}
