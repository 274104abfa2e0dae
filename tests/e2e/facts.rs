//! Named facts: a mapped property is heard by webhook where the app subscribes to
//! it, found by the poll where it does not, and not known where nobody maps it.

use touchline::app::App;
use touchline_hubspot::fake::{
    Action, Actor, DataType, Direction, FakeConfig, ObjectKind, Subscription,
};
use touchline_rules::engine::inactive;
use touchline_rules::facts::{DealKey, DealState};
use touchline_rules::time::DAY_MS;

use crate::fixture::*;

const PACK: &str = r#"
pack: facts
title: Named facts
rules:
  - id: rival
    title: Somebody else is looked at
    on: deal.field_changed(competitor)
    when: has(change.to) && change.by == "manager" && deal.stage_phase == "early"
    attention: interrupt
    tip: { headline: "{{ deal.name }}: they look at {{ deal.competitor }}", body: Ask why. }
    evidence: { grade: convention }
  - id: discounted
    title: A discount was given
    on: deal.field_changed(discount)
    when: change.to >= 10 && change.by == "owner"
    attention: interrupt
    tip: { headline: "{{ deal.name }}: {{ deal.discount }} percent off", body: Ask for something. }
    evidence: { grade: convention }
  - id: overdue-step
    title: The next step is overdue
    on: state
    when: days_until(deal.next_step_date) < 0
    attention: interrupt
    tip: { headline: "{{ deal.name }}: the step is overdue", body: Make it. }
    evidence: { grade: convention }
  - id: stepped
    title: A next step was agreed
    on: deal.field_changed(next_step)
    when: has(change.to)
    attention: interrupt
    tip: { headline: "{{ deal.name }}: {{ deal.next_step }}", body: Prepare it. }
    evidence: { grade: convention }
  - id: one-person
    title: One person only
    on: state
    when: deal.contacts_engaged <= 1 && deal.contacts >= 2 && deal.emails >= 1
    attention: interrupt
    tip: { headline: "{{ deal.name }}: one person only", body: Ask who else. }
    evidence: { grade: convention }
"#;

const MAPPED: &str = r#"
[attention]
sending = "everyone"
interruptions_per_day = "off"
interruptions_per_day_new = "off"
deal_spacing_working_days = "off"
digest_items_max = "off"
quiet_hours = "off"

[crm]
activity_share_percent = 0

[people."ann@example.com"]
manager = "lee@example.com"

[connections.hubspot.facts]
competitor = "main_rival"
discount = "rebate"
next_step_date = "step_due"
contacts = "num_associated_contacts"

[connections.hubspot.phases]
early = ["appointmentscheduled"]
"#;

/// The user id of Ann's manager in the CRM.
const LEE_USER: i64 = 7_002;

/// The app hears of `main_rival`, and of no other mapped property.
fn subscribe(config: &mut FakeConfig) {
    let id = 1 + config.subscriptions.iter().map(|one| one.id).max().unwrap_or(0);
    config.subscriptions.push(Subscription {
        id,
        subscription_type: "object.propertyChange".to_owned(),
        generic: true,
        kind: ObjectKind::Deal,
        action: Action::PropertyChange,
        property: Some("main_rival".to_owned()),
    });
}

async fn scene(config: &str) -> (Scene, u64) {
    let scene = Scene::set(Setting { config, pack: PACK, hubspot: subscribe, at: MONDAY }).await;
    for (name, data) in [
        ("main_rival", DataType::Text),
        ("rebate", DataType::Number),
        ("step_due", DataType::DateTime),
    ] {
        scene.hubspot().define_property(ObjectKind::Deal, name, name, data);
    }
    scene.hubspot().add_owner("lee@example.com", "Lee", "Lead", LEE_USER);
    let deal = scene.deal("Harbour Foods");
    (scene, deal)
}

fn fired(scene: &Scene) -> Vec<String> {
    let rows = scene.rows("SELECT rule_id FROM firing ORDER BY fired_at, rule_id");
    rows.into_iter().map(|mut row| row.remove(0)).collect()
}

#[tokio::test]
async fn a_mapped_property_is_heard_by_webhook_and_found_by_the_poll() {
    let (scene, deal) = scene(MAPPED).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let (ann, lee) = (Actor::user(ANN_USER), Actor::user(LEE_USER));
        scene.wait_minutes(10);
        scene.settle(&app).await;
        // By webhook: at once. Ann writes the same down later, which is no event
        // for this rule.
        scene.hubspot().set(deal, "main_rival", "Acme", &lee).unwrap();
        scene.settle(&app).await;
        assert_eq!(fired(&scene), ["rival"]);
        // By the poll: five minutes at most, with the author and instant of the
        // edit.
        let given = scene.now();
        scene.hubspot().set(deal, "rebate", "15", &ann).unwrap();
        let late = scene.now().plus_ms(-2 * DAY_MS).0.to_string();
        scene.hubspot().set(deal, "step_due", &late, &ann).unwrap();
        scene.settle(&app).await;
        assert_eq!(fired(&scene), ["rival"], "the app does not subscribe to these");
        scene.live_minutes(&app, 6).await;
        let mut all = fired(&scene);
        all.sort();
        assert_eq!(all, ["discounted", "overdue-step", "rival"]);
        let state = state(&app, deal).await;
        let discount = state.facts.changed_at(touchline_rules::facts::Field::Discount);
        assert_eq!(discount, touchline_rules::facts::Fact::Empty, "its first value is no change");
        let since = state.facts.since(touchline_rules::facts::Field::Discount);
        assert_eq!(since, Some(given));
        scene.live_minutes(&app, 5).await;
        let told: String = scene.stage.slack.messages().iter().map(|one| one.reads()).collect();
        for headline in ["they look at Acme", "15 percent off", "the step is overdue"] {
            assert!(told.contains(headline), "{headline}: {told}");
        }
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn what_nobody_mapped_is_listed_with_the_fact_it_lacks() {
    let (scene, deal) = scene(EAGER).await;
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let (now, ann) = (scene.now(), Actor::user(ANN_USER));
        scene.hubspot().log_email(deal, Direction::Inbound, now, &ann).unwrap();
        scene.hubspot().set(deal, "main_rival", "Acme", &Actor::user(LEE_USER)).unwrap();
        scene.hubspot().set(deal, "step_due", "1000", &Actor::user(LEE_USER)).unwrap();
        scene.live_minutes(&app, 10).await;
        assert!(fired(&scene).is_empty());
        let missing = inactive_rules(&app, deal).await;
        assert!(missing.contains(&line("overdue-step", "next_step_date")), "{missing:?}");
        assert!(missing.contains(&line("one-person", "contacts_engaged")), "{missing:?}");
        let out = touchline(&scene, &["doctor", "--connection", "hubspot", "--offline"]).await;
        for told in [
            "  warn  rules that are inactive here: nothing is mapped to what they read\n",
            "        rival: changes of deal.competitor\n",
            "        discounted: changes of deal.discount\n",
            "        overdue-step: deal.next_step_date\n",
            "        one-person: deal.contacts\n",
            "        hint: `touchline connect hubspot --connection hubspot --suggest` guesses",
        ] {
            assert!(out.contains(told), "{told}\n{out}");
        }
        assert!(!out.contains("stepped:"), "it rests on a property of every account: {out}");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// Mapping a property later reads every deal once more, and says nothing about
/// what was so before. Once it is mapped no more, what was read of it is not known.
#[tokio::test]
async fn a_mapping_that_comes_later_is_read_for_deals_that_rest() {
    let (mut scene, deal) = scene(EAGER).await;
    let late = scene.now().plus_ms(-2 * DAY_MS).0.to_string();
    scene.hubspot().set(deal, "step_due", &late, &Actor::user(ANN_USER)).unwrap();
    let app = scene.stage.open().await.unwrap();
    scene.stage.play(&app, scene.connect(&app)).await;
    assert!(state(&app, deal).await.facts.text(touchline_rules::facts::Field::Name).is_some());
    drop(app);
    let mapping = "[connections.hubspot.facts]\nnext_step_date = \"step_due\"\n";
    scene.stage.edit_config(|config| config + mapping);
    scene.wait_minutes(60);
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let state = state(&app, deal).await;
        assert_eq!(state.rules["overdue-step"].truth, Some(true));
        assert!(fired(&scene).is_empty(), "it was so before");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
    drop(app);
    scene.stage.edit_config(|config| config.replace(mapping, ""));
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        let missing = inactive_rules(&app, deal).await;
        assert!(missing.contains(&line("overdue-step", "next_step_date")), "{missing:?}");
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// Who took part is read where the connection says so.
#[tokio::test]
async fn people_in_touch_are_counted_where_they_are_read() {
    let (mut scene, deal) = scene(MAPPED).await;
    let table = "[connections.hubspot]\n";
    let switched = format!("{table}activity_contacts = true\n");
    scene.stage.edit_config(|config| config.replace(table, &switched));
    let by = Actor::user(ANN_USER);
    let hubspot = scene.hubspot();
    let contacts: Vec<u64> = ["a", "b"]
        .map(|name| {
            let email = format!("{name}@buyer.example.com");
            let id = hubspot.create(ObjectKind::Contact, &[("email", &email)], &by).unwrap();
            hubspot.associate(id, deal, &by).unwrap();
            id
        })
        .to_vec();
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.wait_minutes(10);
        let mail = hubspot.log_email(deal, Direction::Inbound, scene.now(), &by).unwrap();
        hubspot.associate(mail, contacts[0], &by).unwrap();
        scene.settle(&app).await;
        let told = async || state(&app, deal).await.facts.activities.recency(scene.now());
        assert_eq!(told().await.contacts_engaged, Some(1));
        assert_eq!(fired(&scene), ["one-person"]);
        let call = hubspot.log_call(deal, Direction::Outbound, scene.now(), &by).unwrap();
        hubspot.associate(call, contacts[1], &by).unwrap();
        scene.settle(&app).await;
        assert_eq!(told().await.contacts_engaged, Some(2));
        scene.finish(&app).await;
    };
    scene.stage.play(&app, play).await;
}

/// What the account has, as the command prints it: to be pasted as it is.
#[tokio::test]
async fn a_mapping_is_suggested_from_what_the_account_has() {
    let (scene, _) = scene(EAGER).await;
    let hubspot = scene.hubspot();
    let define = |name: &str, label: &str, data| {
        hubspot.define_property(ObjectKind::Deal, name, label, data);
    };
    define("p_1", "Economic Buyer (MEDDPICC)", DataType::Text);
    define("p_2", "Next step due date", DataType::DateTime);
    define("p_3", "Discount %", DataType::Number);
    let app = scene.stage.open().await.unwrap();
    let play = async {
        let out = touchline(&scene, &SUGGEST).await;
        for line in [
            "economic_buyer    = \"p_1\"  # its label is “Economic Buyer (MEDDPICC)”",
            "next_step_date    = \"p_2\"",
            "discount          = \"p_3\"",
            "contacts          = \"num_associated_contacts\"",
            "forecast_category = \"hs_manual_forecast_category\"",
            "  \"contractsent\",  # Contract Sent: its name says “contract sent”",
        ] {
            assert!(out.contains(line), "{line}\n{out}");
        }
        let json = touchline(&scene, &[SUGGEST.as_slice(), &["--json"]].concat()).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["facts"]["economic_buyer"], "p_1");
        assert_eq!(json["phases"]["proposal"], serde_json::json!(["contractsent"]));
    };
    scene.stage.play(&app, play).await;
}

/// The suggestion, pasted as it is, is all that rules on named facts need.
#[tokio::test]
async fn a_suggested_mapping_makes_its_rules_speak() {
    let (people, _) = MAPPED.split_once("[connections.").unwrap();
    let (mut scene, deal) = scene(people).await;
    let hubspot = scene.hubspot().clone();
    hubspot.define_property(ObjectKind::Deal, "custom_7", "Main competitor", DataType::Text);
    hubspot.define_property(ObjectKind::Deal, "custom_8", "Next step due", DataType::DateTime);
    let overdue = scene.now().plus_ms(-2 * DAY_MS).0.to_string();
    let (ann, lee) = (Actor::user(ANN_USER), Actor::user(LEE_USER));
    let app = scene.stage.open().await.unwrap();
    let before = async {
        scene.connect(&app).await;
        hubspot.set(deal, "custom_7", "Acme", &lee).unwrap();
        scene.live_minutes(&app, 10).await;
        assert!(fired(&scene).is_empty(), "nobody said what it is");
        touchline(&scene, &SUGGEST).await
    };
    let suggested = scene.stage.play(&app, before).await;
    drop(app);
    scene.stage.edit_config(|config| config + &suggested);
    let app = scene.stage.open().await.unwrap();
    let after = async {
        scene.connect(&app).await;
        assert!(fired(&scene).is_empty(), "what was so before is no news");
        hubspot.set(deal, "custom_7", "Bolt", &lee).unwrap();
        hubspot.set(deal, "custom_8", &overdue, &ann).unwrap();
        hubspot.set(deal, "hs_next_step", "Demo on Thursday", &ann).unwrap();
        scene.live_minutes(&app, 10).await;
        let mut all = fired(&scene);
        all.sort();
        assert_eq!(all, ["overdue-step", "rival", "stepped"], "{suggested}");
        let told: String = scene.stage.slack.messages().iter().map(|one| one.reads()).collect();
        for headline in ["they look at Bolt", "the step is overdue", "Foods: Demo on Thursday"] {
            assert!(told.contains(headline), "{headline}: {told}");
        }
        scene.finish(&app).await;
    };
    scene.stage.play(&app, after).await;
}

const SUGGEST: [&str; 3] = ["connect", "hubspot", "--suggest"];

/// What the program prints, run beside the service with its configuration.
async fn touchline(scene: &Scene, args: &[&str]) -> String {
    let file = scene.folder.path().join("touchline.toml");
    std::fs::write(&file, scene.stage.config_text()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_touchline"));
    command.args(args).arg("--config").arg(&file);
    let ran = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let problem = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{problem}");
    String::from_utf8(ran.stdout).unwrap()
}

async fn state(app: &App, deal: u64) -> DealState {
    let key = DealKey { connection: "hubspot".into(), id: deal.to_string() };
    let rows = app.service().store.load_subjects(vec![key]).await.unwrap();
    serde_json::from_slice(&rows[0].body).unwrap()
}

/// State rules that cannot decide about the deal, with the fact that is missing.
async fn inactive_rules(app: &App, deal: u64) -> Vec<(String, &'static str)> {
    let mut state = state(app, deal).await;
    let now = app.service().now();
    app.service().ground().in_world(&mut state, |state, world| inactive(state, now, world))
}

fn line(rule: &str, fact: &str) -> (String, &'static str) {
    let fact = touchline_rules::facts::schema::DEAL_FIELDS
        .iter()
        .map(|(name, ..)| *name)
        .find(|name| name.strip_prefix("deal.") == Some(fact));
    (rule.to_owned(), fact.unwrap())
}
