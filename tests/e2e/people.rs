//! Rules about people, over the whole road: a portfolio rule reaches its seller and
//! nobody else, a manager's rule that manager and nobody else.

use touchline::app::App;
use touchline_hubspot::fake::Actor;
use touchline_rules::time::DAY_MS;
use touchline_slack::fake::FakeUser;

use crate::fixture::*;

const BOB: &str = "bob@example.com";
const BOB_USER: i64 = 7_003;
const LEE: &str = "lee@example.com";
const LEE_USER: i64 = 7_002;

const CONFIG: &str = r#"
[people."ann@example.com"]
manager = "lee@example.com"

[people."bob@example.com"]
manager = "lee@example.com"

[attention]
sending = "everyone"
quiet_hours = "off"
digest_at = ["11:00"]
"#;

const PACK: &str = r#"
pack: people
title: People
rules:
  - id: one-deal
    title: One deal is most of it
    scope: person
    on: state
    when: person.largest_share_percent > 60
    attention: private
    tip:
      headline: "{{ person.first_name }}: {{ person.largest_share_percent }}% of {{ person.open_amount | money(person.currency) }} is one deal"
      body: Who else could buy this quarter?
      why: One deal is not a plan.
  - id: own-edits
    title: You edit your team's deals
    scope: person
    on: state
    when: person.edits_14d >= 3 && person.edits_share_percent > 25
    attention: private
    tip:
      headline: "{{ person.edits_14d }} edits of yours on {{ person.edited_deals_14d }} deals"
      body: Next time leave one question instead. Who could own it?
"#;

struct Team {
    scene: Scene,
    anns: Vec<u64>,
    bobs: Vec<u64>,
}

/// Ann and Bob with three deals of equal size each; Lee leads both.
async fn team() -> Team {
    let scene = Scene::set(Setting { config: CONFIG, pack: PACK, ..Setting::default() }).await;
    let bob = scene.hubspot().add_owner(BOB, "Bob", "Example", BOB_USER);
    scene.hubspot().add_owner(LEE, "Lee", "Lead", LEE_USER);
    for (id, email, name) in [("U0BOB", BOB, "Bob Example"), ("U0LEE", LEE, "Lee Lead")] {
        scene.stage.slack.set_user(FakeUser::new(id, email, name, "Europe/London"));
    }
    let born = scene.now().plus_ms(-30 * DAY_MS);
    let three = |owner: u64, whose: &str| {
        let deal = |n: u32| {
            let deal = scene.deal_of(owner, &format!("{whose} {n}"), born);
            let by = Actor::user(ANN_USER).at(born.plus_ms(60_000));
            scene.hubspot().set(deal, "amount", "1000", &by).unwrap();
            deal
        };
        (1..=3).map(deal).collect::<Vec<_>>()
    };
    let (anns, bobs) = (three(scene.ann, "Ann's"), three(bob, "Bob's"));
    Team { scene, anns, bobs }
}

/// Rules that spoke, each with whom it was for.
fn nudged(scene: &Scene) -> Vec<Vec<String>> {
    scene.rows(
        "SELECT n.rule_id, n.person, n.subject_kind, n.subject_id, n.state FROM nudge AS n \
         INNER JOIN firing AS f ON f.id = n.firing_id ORDER BY f.fired_at, n.rule_id, n.person",
    )
}

/// What was said to whom, without the hellos: Slack's id of the reader and the text.
fn said(scene: &Scene) -> Vec<(String, String)> {
    let messages = scene.stage.slack.messages().into_iter();
    let tips = messages.filter(|one| !one.reads().contains("Hello from Touchline"));
    tips.map(|one| (one.user.clone(), one.reads())).collect()
}

async fn next_digest(scene: &Scene, app: &App) {
    scene.live_minutes(app, 24 * 60).await;
}

#[tokio::test]
async fn a_portfolio_rule_reaches_only_its_seller_and_ends_with_its_reason() {
    let Team { scene, anns, .. } = team().await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.settle(&app).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM portfolio_deal"), 6);
        assert_eq!(scene.number("SELECT COUNT(*) FROM person_state"), 3, "two owners and a lead");
        let by = Actor::user(ANN_USER);
        scene.hubspot().set(anns[0], "amount", "9000", &by).unwrap();
        next_digest(&scene, &app).await;
        let expected = ["one-deal", ANN, "person", ANN, "decided"].map(str::to_owned);
        assert_eq!(nudged(&scene), [expected]);
        let told = said(&scene);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains("Ann: 82% of USD 11,000 is one deal"), "{told:?}");
        assert!(scene.hubspot().tasks().is_empty() && scene.hubspot().notes().is_empty());
        let why = scene.rows("SELECT body FROM nudge");
        assert!(why[0][0].contains("Share of your largest deal"), "{why:?}");
        // The reason goes, and the message becomes one quiet line.
        scene.hubspot().set(anns[1], "amount", "9000", &by).unwrap();
        scene.live_minutes(&app, 5).await;
        assert_eq!(scene.number("SELECT COUNT(*) FROM firing WHERE ended_at > 0"), 1);
        let quiet = said(&scene);
        assert!(quiet[0].1.contains("One deal is most of it: no longer so."), "{quiet:?}");
        // A privacy deletion takes along what the deal told.
        assert_eq!(scene.number("SELECT COUNT(*) FROM portfolio_log"), 0, "folded and gone");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn a_manager_rule_reaches_only_that_manager_and_names_nobody() {
    let Team { scene, anns, bobs } = team().await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.settle(&app).await;
        let (ann, lee) = (Actor::user(ANN_USER), Actor::user(LEE_USER));
        for (n, deal) in anns.iter().chain(&bobs[..1]).enumerate() {
            scene.wait_minutes(1);
            let value = format!("{}", 1_001 + n);
            scene.hubspot().set(*deal, "amount", &value, &lee).unwrap();
        }
        scene.wait_minutes(1);
        scene.hubspot().set(anns[1], "amount", "1100", &ann).unwrap();
        scene.settle(&app).await;
        let lately = scene.now().plus_ms(-DAY_MS).0;
        let edits = format!("SELECT COUNT(*) FROM portfolio_edit WHERE at > {lately}");
        assert_eq!(scene.number(&edits), 5);
        next_digest(&scene, &app).await;
        let expected = ["own-edits", LEE, "person", LEE, "decided"].map(str::to_owned);
        assert_eq!(nudged(&scene), [expected]);
        let told = said(&scene);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].1.contains("4 edits of yours on 4 deals"), "{told:?}");
        assert!(!told[0].1.contains("Bob") && !told[0].1.contains("Ann"), "{told:?}");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
    drop(app);
    // After a restart nothing is said twice, and what was told is still there.
    let app = scene.stage.open().await.unwrap();
    let play = async {
        next_digest(&scene, &app).await;
        assert_eq!(nudged(&scene).len(), 1);
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}
