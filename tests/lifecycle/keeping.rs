//! What rules do to themselves: they end unless they are confirmed, and pause when
//! they do not help. Their owners are told.

use touchline::app::App;
use touchline::lifecycle::Deed;
use touchline::store::{
    Batch, CommitClass, FiringRow, NudgeRow, NudgeState, OutcomeRow, SubjectKey,
};
use touchline_rules::life::Step;

use crate::fixture::*;

fn expiring(owner: &str) -> String {
    BIG.replace("owner: ops@example.com", &format!("owner: {owner}\n    expires: 30d"))
}

#[tokio::test]
async fn a_rule_ends_unless_it_is_confirmed_and_its_owner_is_told_before() {
    in_company("", async |company, app| {
        company.publish(app, &expiring(OPS)).await;
        company.days(app, 22).await;
        assert!(company.told().is_empty());
        company.days(app, 2).await;
        assert_eq!(company.told(), ["Your rule “A big one” is about to pause itself"]);
        let reads = company.reads().join("\n");
        assert!(
            reads.contains("touchline rules confirm big") && reads.contains("1 April 2026"),
            "{reads}"
        );
        company.submit(app, OPS, Deed::Confirm { rule: "big".into() }).await.unwrap();
        company.days(app, 20).await;
        assert_eq!(
            (company.life(app, "big").await.state.as_str(), company.told().len()),
            ("on", 1)
        );
        company.days(app, 11).await;
        let life = company.life(app, "big").await;
        assert_eq!((life.state.as_str(), life.actor.as_str()), ("paused", "touchline"));
        // It is Sunday: the message comes on a working day.
        company.days(app, 1).await;
        assert_eq!(
            company.told()[1..],
            [
                "Your rule “A big one” is about to pause itself",
                "Your rule “A big one” has paused itself"
            ]
        );
        // Put on again, its time begins anew.
        company.step(app, "big", Step::Resume).await;
        company.days(app, 20).await;
        assert_eq!(company.life(app, "big").await.state, "on");
    })
    .await;
}

#[tokio::test]
async fn an_owner_whom_the_chat_does_not_know_is_named_and_the_admins_are_told() {
    in_company("", async |company, app| {
        company.publish(app, &expiring("gone@example.com")).await;
        company.days(app, 24).await;
        let told = company.told();
        assert_eq!(told, ["The rule “A big one” is about to pause itself"], "once, to the admin");
        let reads = company.reads().join("\n");
        assert!(reads.contains("its owner gone@example.com was not. No connected chat"), "{reads}");
        assert_eq!(company.stage.slack.messages().last().unwrap().user, "U4");
        assert!(company.audit(app).await.contains(&"touchline rule_owner_not_told".to_owned()));
        let desk = company.desk(app, app.service().store.clone());
        let lines = desk.list(company.now()).await.unwrap();
        let big = lines.iter().find(|line| line.rule == "big").unwrap();
        assert_eq!(
            big.notes,
            [
                "its owner was not told (expires soon): No connected chat knows its reader. The admins are told instead."
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn of_a_rule_without_an_owner_the_admins_are_told() {
    in_company("", async |company, app| {
        let unowned = expiring(OPS).replace("    owner: ops@example.com\n", "");
        company.publish(app, &unowned).await;
        company.days(app, 25).await;
        assert_eq!(company.told(), ["The rule “A big one” is about to pause itself"]);
        let reads = company.reads().join("\n");
        assert!(reads.contains("told as an admin: the rule names no owner."), "{reads}");
    })
    .await;
}

/// Nudges of a rule that were answered so, by turns of so many people.
async fn answered(company: &Company, app: &App, people: usize, answers: &[(&str, usize)]) {
    let service = app.service();
    let mut batch = Batch {
        settings_version: service.store.settings_version().await.unwrap(),
        ..Batch::default()
    };
    let kinds = answers.iter().flat_map(|(kind, times)| std::iter::repeat_n(*kind, *times));
    for (at, kind) in kinds.enumerate() {
        let subject =
            SubjectKey { kind: "deal".into(), connection: "hubspot".into(), id: format!("9{at}") };
        let (id, now) = (format!("n{at}"), company.now());
        let person = format!("seller{}@example.com", at % people);
        batch.firings.push(FiringRow {
            id: format!("f{at}"),
            subject: subject.clone(),
            rule_id: "moved".into(),
            rule_hash: "v".into(),
            fired_at: now,
            ended_at: None,
            body: b"{}".to_vec(),
        });
        batch.nudges.push(NudgeRow {
            id: id.clone(),
            firing_id: format!("f{at}"),
            person: person.clone(),
            subject,
            rule_id: "moved".into(),
            rule_hash: "v".into(),
            attention: "interrupt".into(),
            priority: 5,
            created_at: now,
            due_at: now,
            expires_at: now,
            state: NudgeState::Answered,
            body: b"{}".to_vec(),
        });
        batch.outcomes.push(OutcomeRow {
            id: format!("o{at}"),
            nudge_id: id,
            person,
            kind: kind.into(),
            at: now,
            body: Vec::new(),
        });
    }
    service.store.commit_batch(batch, CommitClass::Original).await.unwrap().done().unwrap();
    company.minutes(app, 130).await;
    company.minutes(app, 10).await;
}

#[tokio::test]
async fn a_rule_that_is_too_often_wrong_pauses_itself() {
    in_company("", async |company, app| {
        answered(company, app, 5, &[("done", 23), ("not_true_here", 6)]).await;
        assert_eq!(company.life(app, "moved").await.state, "on", "too few to say");
        answered(company, app, 5, &[("done", 23), ("not_true_here", 6), ("already_done", 0)]).await;
        let desk = company.desk(app, app.service().store.clone());
        let line = desk.list(company.now()).await.unwrap().remove(0);
        assert_eq!(line.health.to_string(), "0 sent, answered: 23 useful, 6 not true here");
    })
    .await;
    in_company("", async |company, app| {
        answered(company, app, 5, &[("done", 23), ("not_true_here", 7)]).await;
        let life = company.life(app, "moved").await;
        assert_eq!(life.state, "paused");
        assert_eq!(life.why, "7 of 30 answers were “not true here”, more than 20 %");
        assert_eq!(company.told(), ["Your rule “Moved on” has paused itself"]);
        // Somebody who knows better puts it on: it is counted anew.
        company.step(app, "moved", Step::Resume).await;
        company.minutes(app, 130).await;
        assert_eq!(company.life(app, "moved").await.state, "on");
    })
    .await;
}

#[tokio::test]
async fn what_few_people_answered_is_not_counted_out() {
    in_company("", async |company, app| {
        answered(company, app, 4, &[("done", 23), ("not_true_here", 6)]).await;
        let desk = company.desk(app, app.service().store.clone());
        let line = desk.list(company.now()).await.unwrap().remove(0);
        let told = serde_json::to_value(&line).unwrap();
        assert_eq!((line.health.answers, line.health.people), (29, 4));
        assert_eq!(told["health"]["useful"], serde_json::Value::Null, "{told}");
    })
    .await;
    in_company("", async |company, app| {
        answered(company, app, 4, &[("done", 23), ("not_true_here", 7)]).await;
        let why = "more than 20 % of its answers were “not true here”";
        assert_eq!(company.life(app, "moved").await.why, why);
        let reads = company.reads().join("\n");
        assert!(reads.contains(why) && !reads.contains("of 30"), "{reads}");
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_helps_too_seldom_pauses_itself_and_the_limits_are_the_installations() {
    in_company("", async |company, app| {
        answered(company, app, 5, &[("outcome_met", 7), ("muted", 20), ("already_done", 4)]).await;
        let life = company.life(app, "moved").await;
        assert_eq!(life.why, "7 of 31 answers found it useful, less than 25 %");
    })
    .await;
    let off = "[rule_health]\nuseful_percent_min = \"off\"\n";
    in_company(off, async |company, app| {
        answered(company, app, 5, &[("outcome_met", 7), ("muted", 20), ("already_done", 4)]).await;
        assert_eq!(company.life(app, "moved").await.state, "on");
    })
    .await;
}
