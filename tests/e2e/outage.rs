//! HubSpot away for an hour.

use touchline_hubspot::fake::Actor;

use crate::fixture::*;

const NUDGES: &str = "SELECT COUNT(*) FROM nudge WHERE subject_id = ";

#[tokio::test]
async fn an_hour_without_hubspot_slows_nothing_and_loses_nothing() {
    let scene = Scene::set(Setting::default()).await;
    let known = scene.deal("Harbour Foods");
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.wait_minutes(1);
        scene.hubspot().set_down(true);
        let by = || Actor::user(ANN_USER);
        // Somebody makes a deal that the service has never seen, and works on it.
        let values = [("dealname", "Never Seen"), ("hubspot_owner_id", &*scene.ann.to_string())];
        let unseen = scene.hubspot().create_deal(&values, &by()).unwrap();
        scene.live_minutes(&app, 2).await;
        scene.hubspot().set(unseen, "dealstage", "qualifiedtobuy", &by()).unwrap();
        let stages = ["qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin"];
        for (n, stage) in stages.into_iter().enumerate() {
            scene.live_minutes(&app, 18).await;
            scene.hubspot().set(known, "dealstage", stage, &by()).unwrap();
            let calls = scene.hubspot().call_count();
            scene.hubspot().tick(scene.now()).await;
            assert_eq!(scene.hubspot().call_count(), calls, "accepting asks nobody");
            scene.settle(&app).await;
            let nudges = scene.number(&format!("{NUDGES}'{known}'"));
            assert_eq!(nudges, n as i64 + 1, "the other deal goes on");
            let told = scene.stage.slack.messages();
            let told = told.iter().filter(|one| one.reads().contains("Harbour Foods")).count();
            assert_eq!(told, n + 1, "and its owner is told meanwhile");
        }
        let counts = scene.hubspot().webhook_counts();
        assert_eq!(counts.attempts, counts.accepted, "every webhook was taken at the first try");
        scene.live_minutes(&app, 4).await;
        assert_eq!(scene.number(&format!("{NUDGES}'{unseen}'")), 0, "nothing is known of it");
        let stage = format!("SELECT stage FROM deal WHERE id = '{unseen}'");
        assert_eq!(scene.rows(&stage), [[""]], "its changes wait");

        scene.hubspot().clear_faults();
        scene.live_minutes(&app, 6).await;
        assert_eq!(scene.rows(&stage), [["qualifiedtobuy"]]);
        assert_eq!(scene.number(&format!("{NUDGES}'{unseen}'")), 1, "evaluated after it came back");
        let told = scene.stage.slack.messages();
        assert_eq!(told.iter().filter(|one| one.reads().contains("Never Seen")).count(), 1);
        assert!(scene.rows("SELECT reason FROM dead_letter").is_empty());
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// A CRM that does not answer at all for longer than a deal may wait: it is
/// judged by what its webhooks said.
#[tokio::test]
async fn after_the_deadline_a_deal_is_judged_by_what_is_known() {
    const BY_STAGE: &str = r#"
pack: known
title: What webhooks say
rules:
  - id: reached
    title: A stage was reached
    on: deal.stage_changed
    when: deal.stage == "qualifiedtobuy"
    attention: interrupt
    priority: 3
    skill: QUA
    tip: { headline: Qualified, body: Say why. }
    evidence: { grade: convention }
  - id: undated
    title: What nobody read is not missing
    on: deal.stage_changed
    when: "!has(deal.close_date)"
    attention: interrupt
    priority: 3
    skill: QUA
    tip: { headline: No date, body: Ask for one. }
    evidence: { grade: convention }
"#;
    let scene = Scene::set(Setting { pack: BY_STAGE, ..Setting::default() }).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.hubspot().set_down(true);
        let by = || Actor::user(ANN_USER);
        let owner = scene.ann.to_string();
        let values = [("hubspot_owner_id", &*owner), ("dealname", "Unread")];
        let deal = scene.hubspot().create_deal(&values, &by()).unwrap();
        scene.live_minutes(&app, 1).await;
        scene.hubspot().set(deal, "dealstage", "qualifiedtobuy", &by()).unwrap();
        scene.hubspot().set(deal, "hubspot_owner_id", &owner, &by()).unwrap();
        scene.live_minutes(&app, 230).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM firing"), 0);
        scene.live_minutes(&app, 12).await;
        let fired = scene.rows("SELECT rule_id FROM firing ORDER BY rule_id");
        // No webhook told of a close date: unknown is not empty.
        assert_eq!(fired, [["reached"]]);
        scene.hubspot().clear_faults();
        scene.live_minutes(&app, 10).await;
        let stage = scene.rows(&format!("SELECT stage, owner FROM deal WHERE id = '{deal}'"));
        assert_eq!(stage, [["qualifiedtobuy".to_owned(), owner]]);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
