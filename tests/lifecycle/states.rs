//! Watching, pausing, putting on: what is worked out, and what is told.

use touchline::coaching::ledger::held_back;
use touchline::lifecycle::Deed;
use touchline::store::StoreOptions;
use touchline_rules::UnixMs;
use touchline_rules::life::{RuleState, Step};

use crate::fixture::*;

#[tokio::test]
async fn a_published_rule_takes_effect_and_tells_nothing_that_is_already_true() {
    in_company("", async |company, app| {
        company.deal(app, ANN, "Old oak", "50000").await;
        let small = company.deal(app, ANN, "Small fir", "5").await;
        company.publish(app, BIG).await;
        company.minutes(app, 30).await;
        assert_eq!(company.told(), Vec::<String>::new());
        company.set(app, small, "amount", "20000").await;
        assert_eq!(company.told(), ["Small fir is big"]);
        let store = &app.service().store;
        let versions = store.rule_versions("big".into(), 9).await.unwrap();
        assert_eq!(versions.len(), 1);
        let key =
            touchline_rules::facts::DealKey { connection: "hubspot".into(), id: small.to_string() };
        let nudges = store.nudges_of(touchline::roles::batching::subject_key(&key)).await.unwrap();
        assert_eq!(nudges[0].rule_hash, versions[0].hash, "a nudge names the version that made it");
    })
    .await;
}

/// A command writes beside the service: it is noticed with the next event.
#[tokio::test]
async fn what_a_command_publishes_is_noticed_without_a_word() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Small fir", "5").await;
        let beside = touchline::store::Store::open(
            &company.folder.path().join("touchline.db"),
            StoreOptions::default(),
        )
        .unwrap();
        let desk = company.desk(app, beside);
        desk.submit(Deed::Publish(pack(BIG)), &signed(ADMIN, company.now())).await.unwrap();
        // The deal's change is worked out by the rules that are in force by then.
        company.set(app, deal, "dealname", "Great fir").await;
        company.set(app, deal, "amount", "20000").await;
        assert_eq!(company.told(), ["Great fir is big"]);
    })
    .await;
}

#[tokio::test]
async fn a_watched_rule_is_worked_out_and_told_to_nobody() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Small fir", "5").await;
        let mut watched = pack(BIG);
        watched.state = Some(RuleState::Shadow);
        company.submit(app, ADMIN, Deed::Publish(watched)).await.unwrap();
        company.set(app, deal, "amount", "20000").await;
        assert_eq!(company.told(), Vec::<String>::new());
        assert_eq!(company.ledger(app).await, [("watching".to_owned(), 1)]);
        let (store, soon) = (&app.service().store, company.now().plus_ms(1));
        let spared = store.spared(ANN.into(), (UnixMs(0), soon), held_back(), 9).await.unwrap();
        assert!(spared.counts.is_empty() && spared.first.is_empty(), "nobody was spared it");
        assert!(store.suppressed_of(ANN.into(), soon, 9).await.unwrap().is_empty());
        // Put on, it begins anew: what it saw while watching is not told.
        company.step(app, "big", Step::Resume).await;
        company.minutes(app, 30).await;
        assert_eq!(company.told(), Vec::<String>::new());
        company.set(app, deal, "amount", "5").await;
        company.set(app, deal, "amount", "30000").await;
        assert_eq!(company.told(), ["Small fir is big"]);
    })
    .await;
}

#[tokio::test]
async fn nothing_of_a_paused_rule_fires_and_what_became_true_meanwhile_is_not_told() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Small fir", "5").await;
        company.publish(app, BIG).await;
        company.step(app, "big", Step::Pause).await;
        company.step(app, "moved", Step::Pause).await;
        company.set(app, deal, "amount", "20000").await;
        company.set(app, deal, "dealstage", "qualifiedtobuy").await;
        assert!(company.ledger(app).await.is_empty(), "nothing was even worked out");
        company.step(app, "big", Step::Resume).await;
        company.step(app, "moved", Step::Resume).await;
        company.minutes(app, 30).await;
        assert_eq!(company.told(), Vec::<String>::new());
        company.set(app, deal, "dealstage", "presentationscheduled").await;
        assert_eq!(company.told(), ["Small fir moved"]);
    })
    .await;
}

/// Quiet hours hold a nudge back; its rule is paused before it goes out.
#[tokio::test]
async fn what_waits_when_its_rule_is_paused_is_not_sent() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Small fir", "5").await;
        let digest = BIG.replace("attention: interrupt", "attention: digest");
        company.publish(app, &digest).await;
        company.set(app, deal, "amount", "20000").await;
        company.step(app, "big", Step::Pause).await;
        company.days(app, 2).await;
        assert_eq!(company.told(), Vec::<String>::new());
        let reasons = company.ledger(app).await;
        assert_eq!(reasons, [("rule_changed".to_owned(), 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_retired_rule_comes_back_by_watching_only() {
    in_company("", async |company, app| {
        company.step(app, "moved", Step::Retire).await;
        let deed = Deed::Step { rule: "moved".into(), step: Step::Resume };
        let refused = company.submit(app, ADMIN, deed).await.unwrap_err().to_string();
        assert!(refused.contains("the rule is retired"), "{refused}");
        company.step(app, "moved", Step::Watch).await;
        company.step(app, "moved", Step::Resume).await;
        assert_eq!(company.life(app, "moved").await.state, "on");
        let trial = Deed::Step { rule: "moved".into(), step: Step::Try };
        let refused = company.submit(app, ADMIN, trial).await.unwrap_err().to_string();
        assert!(refused.contains("no rule can be put on trial yet"), "{refused}");
    })
    .await;
}
