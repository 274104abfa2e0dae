//! The life of rules: changes that are whole or not at all, and what waits.

use crate::fixture::*;
use touchline::store::*;
use touchline_rules::UnixMs;
use touchline_rules::facts::DealKey;

fn life(rule: &str, state: &str) -> RuleLifeRow {
    RuleLifeRow {
        rule_id: rule.into(),
        state: state.into(),
        hash: format!("{rule}-v1"),
        since: NOW,
        ..RuleLifeRow::default()
    }
}

fn logged(life: &RuleLifeRow) -> RuleLogRow {
    RuleLogRow {
        rule_id: life.rule_id.clone(),
        seq: 0,
        at: NOW,
        actor: "ann@example.com".into(),
        action: "publish".into(),
        state: life.state.clone(),
        hash: life.hash.clone(),
        why: "because".into(),
    }
}

fn version(rule: &str) -> RuleVersionRow {
    RuleVersionRow {
        hash: format!("{rule}-v1"),
        rule_id: rule.into(),
        created_at: NOW,
        body: b"{}".to_vec(),
    }
}

async fn published(home: &Home, rule: &str) -> Fenced<i64> {
    let mut change = RuleChange::new(home.version().await, audit("rule_publish"));
    let life = RuleLifeRow { stored: true, ..life(rule, "on") };
    change.versions.push(version(rule));
    change.log.push(logged(&life));
    change.lives.push(life);
    home.store.commit_rules(change).await.unwrap()
}

#[tokio::test]
async fn a_change_of_rules_is_whole_logged_and_fences_what_was_decided_before() {
    let home = Home::new();
    let before = home.version().await;
    let seq = published(&home, "big").await.done().unwrap();
    let (version, book) = home.store.rule_book().await.unwrap();
    assert_eq!(version, before + 1);
    assert_eq!(book.lives.len(), 1);
    assert_eq!(book.stored[0].hash, "big-v1", "the version in force is read with it");
    let log = home.store.rule_log("big".into(), 9).await.unwrap();
    assert_eq!((log[0].seq, log[0].why.as_str()), (seq, "because"));
    assert_eq!(home.store.check_audit().await.unwrap().rows, 1);

    let mut late = RuleChange::new(before, audit("rule_pause"));
    late.lives.push(life("big", "paused"));
    let refused = home.store.commit_rules(late).await.unwrap();
    assert_eq!(refused, Fenced::SettingsChanged { version });
    assert_eq!(home.store.rule_book().await.unwrap().1, book, "nothing of it was committed");
    let batch = Batch { settings_version: before, ..Batch::default() };
    let fenced = home.store.commit_batch(batch, CommitClass::Derived).await.unwrap();
    assert_eq!(fenced, Fenced::SettingsChanged { version });
}

#[tokio::test]
async fn a_declared_rules_version_is_not_read_as_a_published_one() {
    let home = Home::new();
    let mut change = RuleChange::new(home.version().await, audit("rule_declare"));
    change.versions.push(version("moved"));
    change.lives.push(life("moved", "on"));
    home.store.commit_rules(change).await.unwrap().done().unwrap();
    let (_, book) = home.store.rule_book().await.unwrap();
    assert_eq!((book.lives.len(), book.stored.len()), (1, 0));
}

#[tokio::test]
async fn choices_of_teams_are_made_changed_and_taken_back() {
    let home = Home::new();
    let row = |why: &str| TeamChoiceRow {
        team: "mary@example.com".into(),
        rule_id: "big".into(),
        kind: "mute".into(),
        at: NOW,
        actor: "mary@example.com".into(),
        why: why.into(),
        body: Vec::new(),
    };
    let choose = async |step: TeamChoiceStep| {
        let mut change = RuleChange::new(home.version().await, audit("rule_mute"));
        change.choices.push(step);
        home.store.commit_rules(change).await.unwrap().done().unwrap();
        home.store.rule_book().await.unwrap().1.choices
    };
    assert_eq!(choose(TeamChoiceStep::Put(row("too loud"))).await, [row("too loud")]);
    assert_eq!(choose(TeamChoiceStep::Put(row("still"))).await, [row("still")]);
    let gone = TeamChoiceStep::Remove {
        team: "mary@example.com".into(),
        rule_id: "big".into(),
        kind: "mute".into(),
    };
    assert!(choose(gone).await.is_empty());
}

#[tokio::test]
async fn a_request_waits_until_it_is_settled() {
    let home = Home::new();
    let open = RuleRequestRow {
        id: "ab12".into(),
        at: NOW,
        actor: "mary@example.com".into(),
        state: "open".into(),
        settled_at: None,
        settled_by: String::new(),
        body: b"{}".to_vec(),
    };
    let settled = RuleRequestRow {
        state: "approved".into(),
        settled_at: Some(NOW),
        settled_by: "max@example.com".into(),
        ..open.clone()
    };
    for (row, waiting) in [(&open, 1), (&settled, 0)] {
        let mut change = RuleChange::new(home.version().await, audit("rule_ask"));
        change.requests.push(row.clone());
        home.store.commit_rules(change).await.unwrap().done().unwrap();
        assert_eq!(home.store.rule_request("ab12".into()).await, Ok(Some(row.clone())));
        assert_eq!(home.store.open_rule_requests(9).await.unwrap().len(), waiting);
    }
}

fn case(deal: &str, person: &str, order: i64) -> ReleaseCaseRow {
    let key = DealKey { connection: "crm".into(), id: deal.into() };
    ReleaseCaseRow::new("big", "big-v1", key, person, order, NOW)
}

async fn next(home: &Home, person: &str) -> Vec<String> {
    let cases = home.store.release_case().next_for(person.into(), 9).await.unwrap();
    cases.into_iter().map(|case| case.deal.id).collect()
}

async fn settle(home: &Home, case: ReleaseCaseRow, state: ReleaseState) {
    home.store.release_case().set_state(case, state, String::new(), NOW).await.unwrap();
}

#[tokio::test]
async fn cases_go_worst_first_by_reader_and_a_settled_one_waits_no_more() {
    let home = Home::new();
    let cases = vec![case("1", "ann", -5), case("2", "ann", -50), case("3", "ben", -9)];
    home.store.release_case().add(cases).await.unwrap();
    assert_eq!(home.store.release_case().people(9).await.unwrap(), ["ann", "ben"]);
    assert_eq!(next(&home, "ann").await, ["2", "1"]);
    settle(&home, case("2", "ann", -50), ReleaseState::Released).await;
    assert_eq!(next(&home, "ann").await, ["1"]);
    home.store.release_case().add(vec![case("2", "ben", -50)]).await.unwrap();
    assert_eq!(next(&home, "ben").await, ["2", "3"], "asked for again, it waits again");

    let mut change = RuleChange::new(home.version().await, audit("rule_pause"));
    change.calls_off.push("big".into());
    change.cases.push(case("9", "ann", 1));
    home.store.commit_rules(change).await.unwrap().done().unwrap();
    assert_eq!(next(&home, "ann").await, ["9"], "what comes with the change stays");
    assert_eq!(home.store.release_case().waiting("big".into()).await, Ok(1));
}

#[tokio::test]
async fn cases_go_with_their_deal_and_settled_ones_with_time() {
    let home = Home::new();
    let cases = vec![case("1", "ann", 1), case("2", "ann", 2), case("3", "ann", 3)];
    home.store.release_case().add(cases).await.unwrap();
    let key = DealKey { connection: "crm".into(), id: "1".into() };
    home.store.erase_deal(key, audit("erase")).await.unwrap();
    settle(&home, case("2", "ann", 2), ReleaseState::Dropped).await;
    let later: UnixMs = NOW.plus_ms(1);
    assert_eq!(home.store.release_case().forget(later, 9).await, Ok(1));
    let left = "SELECT deal, order_key FROM release_case";
    assert_eq!(home.rows(left), [("3".to_owned(), 3)]);
}

#[tokio::test]
async fn what_became_of_a_rules_nudges_is_counted_from_an_instant_on() {
    let home = Home::new();
    let sent = home.waiting("old").await;
    home.claim(NOW).await;
    home.store.record_sent(sent, b"ts".to_vec(), NOW, vec![]).await.unwrap();
    let outcome = |id: &str, nudge: &str, kind: &str| OutcomeRow {
        id: id.into(),
        nudge_id: nudge.into(),
        person: "ann".into(),
        kind: kind.into(),
        at: NOW,
        body: vec![],
    };
    let later = NOW.plus_ms(1_000);
    let new = NudgeRow { created_at: later, ..nudge("new", "f-new", "1", 5) };
    home.commit(Batch {
        firings: vec![firing("f-new", "1")],
        nudges: vec![new],
        outcomes: vec![outcome("o1", "old", "done"), outcome("o2", "new", "not_true_here")],
        ..Batch::default()
    })
    .await;
    let all = home.store.rule_answers("buyer-silent".into(), NOW).await.unwrap();
    assert_eq!((all.sent, all.outcomes.len()), (1, 2));
    let since = home.store.rule_answers("buyer-silent".into(), later).await.unwrap();
    assert_eq!(since.sent, 0);
    let one = ["new", "ann", "not_true_here"].map(str::to_owned);
    assert_eq!(since.outcomes, [one.into()]);
}

#[tokio::test]
async fn a_notice_is_told_once_and_its_message_is_a_delivery() {
    let home = Home::new();
    let notice = RuleNoticeRow {
        id: "d-notice".into(),
        rule_id: "big".into(),
        kind: "expired".into(),
        person: "ops@example.com".into(),
        at: NOW,
        state: NOTICE_ASKED.into(),
        why: String::new(),
    };
    for _ in 0..2 {
        let mut change = RuleChange::new(home.version().await, audit("rule_expired"));
        let message = NewDelivery { channel: "notice".into(), ..delivery("d-notice", "chat", &[]) };
        change.notices.push((notice.clone(), Some(message)));
        home.store.commit_rules(change).await.unwrap().done().unwrap();
    }
    assert_eq!(home.state("d-notice").await.state, DeliveryState::Waiting);
    assert_eq!(home.store.rule_notices_asked(9).await.unwrap(), std::slice::from_ref(&notice));
    let entry = Some(audit("rule_owner_not_told"));
    home.store
        .settle_rule_notice("d-notice".into(), NOTICE_UNTOLD, "gone".into(), entry, Vec::new())
        .await
        .unwrap();
    assert!(home.store.rule_notices_asked(9).await.unwrap().is_empty());
    let kept = home.store.rule_notices("big".into(), 9).await.unwrap();
    assert_eq!((kept[0].state.as_str(), kept[0].why.as_str()), (NOTICE_UNTOLD, "gone"));
    assert_eq!(home.store.check_audit().await.unwrap().rows, 3);
}
