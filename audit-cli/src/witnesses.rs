//! Witnesses, and the way to them.

use std::collections::BTreeMap;
use std::time::Duration;

use audit_core::note::{
    AddCheckpoint, Answer, Checkpoint, MAX_ANSWER, Policy, SignedNote, VerifierKey, WitnessError,
};
use audit_core::prove::{ProveError, consistency};
use audit_core::store::Reader;
use tokio::task::{JoinHandle, spawn_blocking};
use ureq::Agent;

/// The witnesses of a policy that have an address.
pub(crate) struct Witnesses {
    agent: Agent,
    /// By their addresses.
    keys: BTreeMap<String, VerifierKey>,
    /// How large a log was when a witness has seen it last, by the witness's address and the log's name. It is not kept: a witness
    /// says it itself to who does not know.
    seen: BTreeMap<(String, String), u64>,
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
    /// Who asked has come to an end.
    #[error("it was not asked to the end")]
    Ended,
}

impl NotCosigned {
    /// Whether it speaks against the log.
    pub(crate) fn is_finding(&self) -> bool {
        matches!(self, Self::Answer(why) if why.is_finding())
    }
}

impl Witnesses {
    pub(crate) fn of(policy: &Policy, deadline: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(deadline))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false);
        let of = |(key, url): (&VerifierKey, Option<&str>)| Some((url?.to_owned(), key.clone()));
        let keys = policy.witnesses().filter_map(of).collect();
        Self { agent: config.build().into(), keys, seen: BTreeMap::new() }
    }

    /// Asks all at once for their cosignatures, and answers with these below the checkpoint, and with who has not cosigned.
    pub(crate) async fn cosigned(
        &mut self,
        reader: &Reader,
        note: SignedNote,
    ) -> (SignedNote, Vec<(VerifierKey, NotCosigned)>) {
        let (mut cosigned, mut failed) = (note.clone(), Vec::new());
        let Ok(checkpoint) = note.text().parse::<Checkpoint>() else {
            return (cosigned, failed);
        };
        let mut asked: Vec<_> = self.keys.clone().into_iter().collect();
        // The second time those that have said what they have seen.
        for is_last in [false, true] {
            let mut answers = Vec::new();
            for (url, key) in std::mem::take(&mut asked) {
                let answer = self.ask(reader, &note, &checkpoint, (&url, &key)).await;
                answers.push((url, key, answer));
            }
            for (url, key, answer) in answers {
                let answer = match answer {
                    Ok(answer) => answer.await.unwrap_or(Err(NotCosigned::Ended)),
                    Err(why) => Err(why),
                };
                let place = (url.clone(), checkpoint.origin.clone());
                match answer {
                    Ok(Answer::Cosigned(by_it)) => {
                        self.seen.insert(place, checkpoint.size);
                        let signature = by_it.signatures().last().cloned();
                        cosigned = signature.into_iter().fold(cosigned, SignedNote::with);
                    }
                    Ok(Answer::Seen(size)) if !is_last => {
                        self.seen.insert(place, size);
                        asked.push((url, key));
                    }
                    Ok(Answer::Seen(_)) => failed.push((key, NotCosigned::Restless)),
                    Err(why) => failed.push((key, why)),
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
        (url, key): (&str, &VerifierKey),
    ) -> Result<JoinHandle<Result<Answer, NotCosigned>>, NotCosigned> {
        let place = (url.to_owned(), checkpoint.origin.clone());
        let old = self.seen.get(&place).copied().unwrap_or(0);
        let proof = consistency(reader, old, checkpoint).await?;
        let asked = AddCheckpoint { old, proof, checkpoint: note.clone() };
        let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
        let (agent, key) = (self.agent.clone(), key.clone());
        Ok(spawn_blocking(move || {
            let mut response = agent.post(url).send(asked.to_string())?;
            let status = response.status().as_u16();
            let body = response.body_mut().with_config().limit(MAX_ANSWER).read_to_vec()?;
            Ok(asked.answered(status, &body, &key)?)
        }))
    }
}
