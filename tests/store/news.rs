//! Every commit tells those whose work it may have made, and no others.

use crate::fixture::*;
use touchline::store::*;
use touchline::wake::News;

const EACH: [(&str, News); 11] = [
    ("inbox", News::INBOX),
    ("nudges", News::NUDGES),
    ("deliveries", News::DELIVERIES),
    ("timers", News::TIMERS),
    ("reads", News::READS),
    ("reads done", News::READS_DONE),
    ("edits", News::EDITS),
    ("follow-ups", News::FOLLOW_UPS),
    ("ground", News::GROUND),
    ("lines", News::LINES),
    ("erasures", News::ERASURES),
];

/// What is told while `step` runs.
async fn told(home: &Home, step: impl Future<Output = ()>) -> Vec<&'static str> {
    let wake = home.store.wake();
    let before = EACH.map(|(_, news)| wake.count(news));
    step.await;
    let after = EACH.into_iter().zip(before);
    after
        .filter(|((_, news), before)| wake.count(*news) > *before)
        .map(|((name, _), _)| name)
        .collect()
}

fn asked(kind: &str) -> Vec<NewWork> {
    let key = WorkKey { kind: kind.into(), connection: "crm".into(), key: "1".into() };
    vec![NewWork { key, next_at: NOW, body: Vec::new() }]
}

#[tokio::test]
async fn a_commit_tells_whose_work_it_makes() {
    let home = &Home::new();
    let store = &home.store;
    assert_eq!(told(home, home.nudges(&["n", "task"])).await, ["nudges"]);
    let send = |id: &str, of: &str| vec![Decision::Send(delivery(id, "chat", &[of]))];
    assert_eq!(told(home, async { drop(home.decide(send("d", "n")).await) }).await, ["deliveries"]);
    assert!(told(home, async { drop(home.claim(NOW).await) }).await.is_empty());
    let sent =
        async { store.record_sent("d".into(), vec![], NOW, asked("outcome")).await.unwrap() };
    assert_eq!(told(home, sent).await, ["follow-ups"]);
    let timer = |due_at| Batch {
        timers: vec![TimerRow { subject: deal_key("1"), due_at: Some(due_at) }],
        ..Batch::default()
    };
    let commit = async |batch: Batch| drop(home.commit(batch).await);
    assert_eq!(told(home, commit(timer(NOW))).await, ["timers"]);
    assert!(told(home, commit(timer(NOW))).await.is_empty(), "it stands where it stood");
    let ended = Batch {
        ended: vec![EndedFiring { firing_id: "f-n".into(), at: NOW, reason: "over".into() }],
        ..Batch::default()
    };
    assert_eq!(told(home, commit(ended)).await, ["edits"], "what was sent becomes quiet");
}

#[tokio::test]
async fn work_tells_who_does_it_and_who_waits_for_its_end() {
    let home = &Home::new();
    let store = &home.store;
    for (kind, who) in
        [("fetch", "reads"), ("person", "reads"), ("edit", "edits"), ("erase", "erasures")]
    {
        let ask = async { drop(store.ask_work(asked(kind)).await.unwrap()) };
        assert_eq!(told(home, ask).await, [who], "{kind}");
    }
    let mut claimed = Vec::new();
    let claim = async {
        claimed = store.claim_work(&["fetch", "edit"], NOW, 9, 60_000, vec![]).await.unwrap();
    };
    assert!(told(home, claim).await.is_empty());
    let finish = async { store.finish_work(claimed).await.unwrap() };
    assert_eq!(told(home, finish).await, ["reads done"]);
    let everybody = EACH.map(|(name, _)| name);
    let unheard = async { drop(store.ask_work(asked("sing")).await.unwrap()) };
    assert_eq!(told(home, unheard).await, everybody, "nobody knows who does that");
    let set = async {
        store.put_setting("sending".into(), b"off".to_vec(), audit("set")).await.unwrap();
    };
    assert_eq!(told(home, set).await, everybody);
}
