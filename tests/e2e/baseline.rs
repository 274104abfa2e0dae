//! A threshold that rests on the company's own won deals: the rule speaks on the
//! day that they say, and says so.

use touchline_hubspot::fake::Actor;
use touchline_rules::time::{DAY_MS, HOUR_MS};

use crate::fixture::*;

const PACK: &str = r#"
pack: pace
title: Pace
rules:
  - id: slow-stage
    title: Longer in its stage than won deals
    on: state
    when: days_since(deal.stage_entered_at) >= threshold
    threshold: { won_percentile: 75, of: dwell_days, min_n: 30, fallback: 21 }
    attention: interrupt
    tip:
      headline: "{{ deal.name }}: {{ threshold }} days in {{ deal.stage }}"
      body: "Usual is less: {{ threshold.source }}."
"#;

const STAGE: &str = "qualifiedtobuy";

/// Forty deals won last month, ten each after one, two, three and four days in
/// the stage: three of four were through within three.
fn win_forty(scene: &Scene) {
    let by = Actor::user(ANN_USER);
    let begun = scene.now().plus_ms(-40 * DAY_MS);
    for n in 0..40 {
        let deal = scene.deal_of(scene.ann, &format!("Won {n}"), begun);
        let entered = begun.plus_ms(DAY_MS);
        // Two hours short of whole days: they are rounded up.
        let won = entered.plus_ms((n % 4 + 1) * DAY_MS - 2 * HOUR_MS);
        let set = |stage: &str, at| {
            scene.hubspot().set(deal, "dealstage", stage, &by.clone().at(at)).unwrap();
        };
        set(STAGE, entered);
        set("closedwon", won);
    }
}

#[tokio::test]
async fn a_rule_on_won_deals_fires_on_the_day_they_say_and_quotes_them() {
    let scene = Scene::set(Setting { pack: PACK, ..Setting::default() }).await;
    win_forty(&scene);
    let deal = scene.deal("Harbour Foods");
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM baseline"), 1, "the first, at once");
        let by = Actor::user(ANN_USER);
        let entered = scene.now();
        scene.hubspot().set(deal, "dealstage", STAGE, &by).unwrap();
        let due = entered.plus_ms(3 * DAY_MS);
        scene.stage.live_until(&app, due.plus_ms(-1)).await.unwrap();
        assert_eq!(scene.number("SELECT COUNT(*) FROM firing"), 0);
        scene.stage.live_until(&app, due.plus_ms(10 * 60_000)).await.unwrap();
        let fired = scene.rows("SELECT subject_id, fired_at FROM firing");
        assert_eq!(fired, [[deal.to_string(), due.0.to_string()]]);
        assert_eq!(scene.number("SELECT COUNT(*) FROM baseline"), 4, "one each midnight");
        let messages = scene.stage.slack.messages();
        let said = messages.last().unwrap().reads();
        let quote = "your won deals leave this stage within 3 days in 3 of 4 cases; n = 40";
        assert!(said.contains("Harbour Foods: 3 days in Qualified"), "{said}");
        assert!(said.contains(quote), "{said}");
        let why = scene.rows("SELECT body FROM nudge");
        assert!(why[0][0].contains("• Your won deals leave this stage within 3 days"), "{why:?}");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
