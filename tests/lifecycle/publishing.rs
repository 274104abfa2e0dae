//! Versions: what is kept of them, what they differ in, and the way back.

use touchline::lifecycle::{Deed, Outcome};
use touchline::store::ReleaseState;

use crate::fixture::*;

#[tokio::test]
async fn each_version_is_kept_and_the_log_says_who_changed_what_and_why() {
    in_company("", async |company, app| {
        company.publish(app, BIG).await;
        company.publish(app, &BIG.replace("threshold: 10000", "threshold: 20000")).await;
        let outcome = company
            .submit(
                app,
                ADMIN,
                Deed::Publish(pack(&BIG.replace("threshold: 10000", "threshold: 20000"))),
            )
            .await
            .unwrap();
        assert_eq!(outcome, Outcome::Nothing, "the same again is no change");
        let desk = company.desk(app, app.service().store.clone());
        let log = desk.log("big").await.unwrap();
        let shown: Vec<_> = log
            .iter()
            .map(|entry| {
                format!("{} by {}: {} {:?}", entry.action, entry.actor, entry.why, entry.difference)
            })
            .collect();
        assert_eq!(
            shown,
            [
                "publish by admin@example.com: because [\"threshold 10000 → 20000\"]",
                "publish by admin@example.com: because []",
            ]
        );
        let (_, _, lines) = desk.diff("big", None, None).await.unwrap();
        assert_eq!(lines, ["threshold 10000 → 20000"]);
        assert_eq!(
            company.audit(app).await,
            [
                "configuration rule_declare",
                "admin@example.com rule_publish",
                "admin@example.com rule_publish"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn back_at_an_older_version_what_is_already_true_is_not_told() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Middling ash", "15000").await;
        let far = BIG.replace("threshold: 10000", "threshold: 40000");
        company.publish(app, BIG).await;
        company.publish(app, &far).await;
        let deed = Deed::Rollback { rule: "big".into(), to: None };
        let outcome = company.submit(app, ADMIN, deed).await.unwrap();
        let Outcome::Done(lines) = outcome else { panic!("{outcome:?}") };
        assert_eq!(lines[1], "  threshold 40000 → 10000");
        company.minutes(app, 30).await;
        assert_eq!(company.told(), Vec::<String>::new());
        company.set(app, deal, "amount", "5").await;
        company.set(app, deal, "amount", "15000").await;
        assert_eq!(company.told(), ["Middling ash is big"]);
    })
    .await;
}

#[tokio::test]
async fn a_declared_rule_is_overridden_by_a_published_one_and_can_follow_its_file_again() {
    in_company("", async |company, app| {
        let first = company.life(app, "moved").await;
        let loud = DECLARED
            .replace("pack: declared", "pack: ours")
            .replace("moved\\\"", "moved on\\\"")
            .replace("is moved", "")
            .replace("Agree one", "Ask for one");
        company.publish(app, &loud).await;
        let ours = company.life(app, "moved").await;
        assert!(ours.stored && ours.epoch == first.epoch, "another text begins nothing anew");
        // The file is read again, and changes nothing about that.
        std::fs::write(
            company.folder.path().join("declared.yaml"),
            DECLARED.replace("Moved on", "Moved"),
        )
        .unwrap();
        let service = app.service();
        service.rules.reload(&service.config.rules, &service.accounts()).unwrap();
        touchline::lifecycle::declared::declare(
            &service.store,
            &service.rules.declared(),
            company.now(),
        )
        .await
        .unwrap();
        service.settings.refresh().await.unwrap();
        assert_eq!(
            service.rules.current().rule("moved").unwrap().tip.body.source(),
            "Ask for one dated next step."
        );
        let declared = service.rules.declared().rule("moved").unwrap().version_hash.clone();
        let deed = Deed::Rollback { rule: "moved".into(), to: Some(declared[..12].to_owned()) };
        let Outcome::Done(lines) = company.submit(app, ADMIN, deed).await.unwrap() else {
            panic!()
        };
        assert_eq!(lines.last().unwrap(), "  it follows its file again");
        assert!(!company.life(app, "moved").await.stored);
        assert_eq!(service.rules.current().rule("moved").unwrap().title, "Moved");
    })
    .await;
}

#[tokio::test]
async fn a_changed_file_is_kept_as_a_version_and_begins_anew_where_it_decides_otherwise() {
    in_company("", async |company, app| {
        let service = app.service();
        let file = company.folder.path().join("declared.yaml");
        for (text, epoch) in [
            (DECLARED.replace("Moved on", "Moved"), 0),
            (DECLARED.replace("when: 'true'", "when: deal.amount > 5"), 1),
            (DECLARED.to_owned(), 2),
        ] {
            std::fs::write(&file, text).unwrap();
            service.rules.reload(&service.config.rules, &service.accounts()).unwrap();
            let declared = service.rules.declared();
            touchline::lifecycle::declared::declare(&service.store, &declared, company.now())
                .await
                .unwrap();
            assert_eq!(company.life(app, "moved").await.epoch, epoch);
        }
        let desk = company.desk(app, service.store.clone());
        let log = desk.log("moved").await.unwrap();
        assert_eq!(log.len(), 4);
        assert_eq!(
            log[1].difference,
            [
                "also needs `deal.amount > 5`",
                "does not need any more `true`",
                "title changed: “Moved” → “Moved on”"
            ]
        );
        assert!(log[0].why.ends_with("declared.yaml:4"), "{}", log[0].why);
    })
    .await;
}

#[tokio::test]
async fn what_is_wrong_or_fails_its_tests_is_not_published() {
    in_company("", async |company, app| {
        let publish = async |text: &str| {
            company.submit(app, ADMIN, Deed::Publish(pack(text))).await.unwrap_err().to_string()
        };
        let wrong = publish(&BIG.replace("deal.amount", "deal.amout")).await;
        assert!(
            wrong.contains("new.yaml:7") && wrong.contains("did you mean `deal.amount`"),
            "{wrong}"
        );
        let failing = publish(&BIG.replace("fires: 1", "fires: 2")).await;
        assert!(
            failing.contains("tests fail; nothing was changed") && failing.contains("expected: 2"),
            "{failing}"
        );
        assert!(app.service().rules.current().rule("big").is_none());
    })
    .await;
}

#[tokio::test]
async fn the_plan_says_in_words_what_would_happen_and_changes_nothing() {
    in_company("", async |company, app| {
        company.deal(app, ANN, "Old oak", "50000").await;
        company.deal(app, ANN, "Small fir", "7").await;
        company.publish(app, BIG).await;
        let desk = company.desk(app, app.service().store.clone());
        let softer = BIG.replace("threshold: 10000", "threshold: 6").replace("is big", "is large");
        let plan = desk.plan(&pack(&softer), &signed(ADMIN, company.now())).await.unwrap();
        let rule = &plan.rules[0];
        assert_eq!(
            rule.difference,
            [
                "threshold 10000 → 6",
                "headline changed: “{{ deal.name }} is big” → “{{ deal.name }} is large”"
            ]
        );
        let present = rule.present.as_ref().unwrap();
        assert_eq!((present.open, present.meets, present.unknown), (2, 2, 0));
        assert!(rule.begins_anew && !plan.needs_second && plan.tests == 1);
        assert_eq!(company.life(app, "big").await.hash, rule.from.clone().unwrap());
    })
    .await;
}

#[tokio::test]
async fn present_cases_are_kept_for_release_the_worst_first_and_called_off_with_their_rule() {
    in_company("", async |company, app| {
        company.deal(app, ANN, "Old oak", "50000").await;
        company.deal(app, ANN, "Great ash", "90000").await;
        company.deal(app, BEN, "Tall elm", "20000").await;
        let mut also = pack(BIG);
        also.also_present = true;
        company.submit(app, ADMIN, Deed::Publish(also)).await.unwrap();
        let store = &app.service().store;
        let cases = store.release_case();
        assert_eq!(cases.people(9).await.unwrap(), [ANN, BEN]);
        let next = cases.next_for(ANN.into(), 9).await.unwrap();
        assert_eq!(next.iter().map(|case| case.order_key).collect::<Vec<_>>(), [-9_000, -5_000]);
        let (first, now) = (next[0].clone(), company.now());
        cases.set_state(first, ReleaseState::Released, String::new(), now).await.unwrap();
        assert_eq!(cases.next_for(ANN.into(), 9).await.unwrap().len(), 1);
        assert_eq!(company.told(), Vec::<String>::new(), "whoever releases them tells them");
        company.step(app, "big", touchline_rules::life::Step::Pause).await;
        assert_eq!(cases.waiting("big".into()).await.unwrap(), 0);
        let mut watched = pack(BIG);
        (watched.also_present, watched.state) =
            (true, Some(touchline_rules::life::RuleState::Shadow));
        let refused = company.submit(app, ADMIN, Deed::Publish(watched)).await.unwrap_err();
        assert!(refused.to_string().contains("tells nobody of present cases"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn the_present_state_tells_what_was_said_and_what_was_not() {
    in_company("", async |company, app| {
        company.deal(app, ANN, "Old oak", "50000").await;
        let fir = company.deal(app, ANN, "Small fir", "5").await;
        company.deal(app, ANN, "Tiny yew", "5").await;
        company.publish(app, BIG).await;
        company.set(app, fir, "amount", "20000").await;
        let desk = company.desk(app, app.service().store.clone());
        let found = desk.present(&app.service().rules.current(), company.now()).await.unwrap();
        let shown: Vec<_> = found
            .cases
            .iter()
            .map(|case| format!("{} {}", case.name, case.said.in_words()))
            .collect();
        assert_eq!(shown, ["Old oak silent, it was true before", "Small fir sent"]);
        assert_eq!(found.counts["big"].open, 3);
        assert!(!found.counts.contains_key("moved"), "an event rule is never true by itself");
    })
    .await;
}

#[tokio::test]
async fn a_mistake_in_a_file_keeps_nobody_from_pausing_a_rule() {
    in_company("", async |company, app| {
        company.publish(app, BIG).await;
        let file = company.folder.path().join("declared.yaml");
        std::fs::write(&file, "pack: [").unwrap();
        let desk = company.desk(app, app.service().store.clone());
        assert!(desk.declared().is_err());
        let (_, book) = desk.book().await.unwrap();
        let known: Vec<&str> = book.written.rules().iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(known, ["moved", "big"]);
        company.step(app, "moved", touchline_rules::life::Step::Pause).await;
        assert_eq!(company.life(app, "moved").await.state, "paused");
        let fault = desk.fault().await.unwrap().unwrap();
        assert!(fault.contains("declared.yaml:"), "{fault}");
        // A better version may take its place, and the way back leads to the file.
        let better = BIG.replace("id: big", "id: moved").replace("A big one", "A big move");
        company.publish(app, &better).await;
        assert!(company.life(app, "moved").await.stored);
        let back = Deed::Rollback { rule: "moved".into(), to: None };
        company.submit(app, ADMIN, back).await.unwrap();
        assert!(!company.life(app, "moved").await.stored);
        std::fs::write(&file, DECLARED).unwrap();
        assert!(desk.declared().is_ok() && desk.fault().await.unwrap().is_none());
    })
    .await;
}
