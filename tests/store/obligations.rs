//! What holds for a delivery whatever happens to it, in any order.

use crate::fixture::*;
use proptest::prelude::*;
use touchline::store::DeliveryState::*;
use touchline::store::*;
use touchline_rules::UnixMs;

#[derive(Copy, Clone, Debug)]
enum Step {
    Claim,
    Sent,
    LeftAlone,
    Discard,
    Unknown,
    NotSent,
    Resend,
    Refused,
    Drop,
    Replay,
    Crash,
    TakeBack,
}

fn step() -> impl Strategy<Value = Step> {
    use Step::*;
    prop::sample::select(vec![
        Claim, Claim, Sent, LeftAlone, Discard, Unknown, NotSent, Resend, Refused, Drop, Replay,
        Crash, TakeBack,
    ])
}

/// Takes the step and answers whether the store allowed it.
async fn take(home: &Home, id: &str, step: Step) -> bool {
    let (store, id) = (&home.store, id.to_owned());
    let done = match step {
        Step::Claim => return !home.claim(NOW).await.is_empty(),
        Step::TakeBack | Step::Drop => {
            let look = match step {
                Step::Drop => LastLook::Drop { reason: "stale".into(), without: vec![] },
                _ => LastLook::TakeBack,
            };
            let before = home.state(&id).await;
            let found = home.due(NOW, &[("chat", 1)]).await;
            home.settle(NOW, found, look).await;
            return home.state(&id).await != before;
        }
        Step::Crash => return store.recover_claims().await.unwrap() > 0,
        Step::Sent => store.record_sent(id, b"ts".to_vec(), NOW, vec![]).await,
        Step::LeftAlone => store.record_unknown(id, "time-out".into(), UnixMs::MAX).await,
        Step::Discard => store.discard_delivery(id, NOW).await.map(drop),
        Step::Unknown => store.record_unknown(id, "time-out".into(), NOW).await,
        Step::NotSent => store.record_retry(id, NOW, "limited".into(), false).await,
        Step::Resend => store.resend_unknown(id, NOW).await,
        Step::Refused => store.record_failed(id, "refused".into()).await,
        Step::Replay => store.replay_delivery(id, NOW).await,
    };
    match done {
        Ok(()) => true,
        Err(StoreError::Conflict { .. }) => false,
        Err(error) => panic!("{step:?}: {error}"),
    }
}

/// How often the message may have reached the vendor, after one more step.
fn may_have_arrived(times: u32, before: &DeliveryRow, step: Step) -> u32 {
    match (step, before.state) {
        (Step::Claim, _) => times + 1,
        // A vendor that finds none vouches for every sending.
        (Step::NotSent, Unknown) => 0,
        (Step::NotSent, Claimed) | (Step::Refused, _) => times - 1,
        _ => times,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn it_arrives_at_most_twice_and_is_charged_while_it_may_have_arrived(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let home = Home::new();
            let id = home.waiting("n").await;
            let mut times = 0;
            for step in steps {
                let before = home.state(&id).await;
                let allowed = take(&home, &id, step).await;
                let after = home.state(&id).await;
                if !allowed {
                    assert_eq!(before, after, "{step:?} was refused and changed something");
                    continue;
                }
                times = may_have_arrived(times, &before, step);
                assert!(times <= 2, "{step:?} may send it a third time");
                let charged = after.spent_at.is_some();
                assert!(charged || times == 0, "{step:?}: {times} sendings, {after:?}");
                if matches!(after.state, Dropped) && times > 0 {
                    let nudge = home.store.nudge("n".into()).await.unwrap().unwrap();
                    assert_ne!(nudge.state, NudgeState::Pending, "{step:?}: said a third time");
                }
                if matches!(before.state, Sent | Accepted | Dropped) {
                    assert_eq!(before.state, after.state, "{step:?} moved what was settled");
                }
            }
        });
    }
}
