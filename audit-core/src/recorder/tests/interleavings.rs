//! Whatever happens to operations, and in whatever order: each has one entry, with its own outcome.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use tokio::runtime::Builder;
use uuid::Uuid;

use super::faulty::FaultyStore;
use super::{events, start, stop};
use crate::context::AuditContext;
use crate::event::{Event, Outcome};
use crate::recorder::{Durability, Edge, Held, Pending, Scope};

#[derive(Debug, Clone)]
enum Step {
    /// Begins an operation, at the outermost level of an edge or at none.
    Begin(Option<Index>),
    Finish(Index),
    Leave(Index),
    Drop(Index),
    /// Finishes what an edge holds, or drops it.
    Take(Index, bool),
    Lose(usize),
    Yield,
}

fn step() -> BoxedStrategy<Step> {
    prop_oneof![
        4 => proptest::option::of(any::<Index>()).prop_map(Step::Begin),
        2 => any::<Index>().prop_map(Step::Finish),
        2 => any::<Index>().prop_map(Step::Leave),
        1 => any::<Index>().prop_map(Step::Drop),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(index, finish)| Step::Take(index, finish)),
        1 => (1..3_usize).prop_map(Step::Lose),
        1 => Just(Step::Yield),
    ]
    .boxed()
}

fn take_out(pendings: &mut Vec<Pending>, index: &Index) -> Option<Pending> {
    (!pendings.is_empty()).then(|| pendings.swap_remove(index.index(pendings.len())))
}

async fn run(steps: &[Step]) -> (BTreeMap<Uuid, Outcome>, Vec<(Uuid, Outcome)>) {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edges: Vec<Edge> =
        (0..3).map(|_| Edge::new(recorder.clone(), &AuditContext::new(), None)).collect();
    let mut pendings = Vec::new();
    let mut expected = BTreeMap::new();
    for step in steps {
        match step {
            Step::Begin(edge) => {
                let event = Event::builder("a.b");
                let pending = match edge {
                    Some(edge) => {
                        let scope = edges[edge.index(3)].enter(|| Scope::current().unwrap());
                        let slot = recorder.slot().await.ok();
                        Pending::opened(&scope, slot, event, Durability::Buffered)
                    }
                    None => Pending::begin(&recorder, event).await,
                };
                expected.insert(pending.id(), Outcome::Cancelled);
                pendings.push(pending);
            }
            Step::Finish(index) => {
                if let Some(pending) = take_out(&mut pendings, index) {
                    expected.insert(pending.id(), Outcome::Success);
                    pending.with(|event| event.outcome(Outcome::Success)).finish();
                }
            }
            Step::Leave(index) => {
                if let Some(pending) = take_out(&mut pendings, index) {
                    expected.insert(pending.id(), Outcome::Denied);
                    pending.with(|event| event.outcome(Outcome::Denied)).leave_to_edge();
                }
            }
            Step::Drop(index) => drop(take_out(&mut pendings, index)),
            Step::Take(index, finish) => match edges[index.index(3)].take() {
                Held::Waiting(pending) if *finish => {
                    expected.insert(pending.id(), Outcome::Failure);
                    pending.with(|event| event.outcome(Outcome::Failure)).finish();
                }
                held => drop(held),
            },
            Step::Lose(answers) => store.lose_answers(*answers),
            Step::Yield => tokio::task::yield_now().await,
        }
    }
    drop(pendings);
    drop(edges);
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    let found = events.iter().map(|event| {
        (
            event["id"].as_str().unwrap().parse().unwrap(),
            event["outcome"].as_str().unwrap().parse().unwrap(),
        )
    });
    (expected, found.collect())
}

fn cases() -> ProptestConfig {
    let full = std::env::var_os("AUDIT_SOAK").is_some_and(|value| value == "1");
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(if full { 5_000 } else { 150 })
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_operation_has_one_entry_with_its_own_outcome(steps in vec(step(), 0..60)) {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let (expected, mut found) = runtime.block_on(run(&steps));
        found.sort();
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
