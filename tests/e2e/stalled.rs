//! Nothing happening is something: a deal untouched for five working days, over
//! a day off, a weekend and the night in which clocks go forward.

use jiff::civil::{DateTime, datetime};
use jiff::tz::TimeZone;
use touchline::app::App;
use touchline_hubspot::fake::{Actor, Direction, ObjectKind};
use touchline_rules::UnixMs;
use touchline_rules::facts::DealState;
use touchline_rules::time::DAY_MS;

use crate::fixture::*;

/// Ceilings as shipped. The Friday of that week is a day off; London's clocks go
/// forward in the night to Sunday. Polls are rare, so that the week is short.
const A_SHORT_WEEK: &str = r#"
holidays = ["2026-03-27"]

[people."ann@example.com"]
time_zone = "Europe/London"

[crm]
poll_interval_minutes = 720
metadata_interval_minutes = 1440

[attention]
sending = "everyone"
"#;

fn pack(attention: &str) -> String {
    format!(
        r#"
pack: silence
title: Silence
rules:
  - id: silent
    title: Nothing logged
    on: state
    when: deal.stage_kind == "open" && business_days_since(deal.last_activity_at) >= 5
    {attention}
    priority: 4
    skill: PLN
    tip:
      headline: "{{{{ deal.name }}}}: nothing logged for a week"
      body: Ask what changed.
    evidence: {{ grade: convention }}
"#
    )
}

fn london(at: DateTime) -> UnixMs {
    UnixMs::from(at.to_zoned_datetime(TimeZone::get("Europe/London").unwrap()).unwrap().timestamp())
}

/// What became of the silence.
struct Told {
    scene: Scene,
    app: App,
    deal: u64,
}

/// Wednesday 25 March 2026: the last activity. Thursday, Monday, Tuesday,
/// Wednesday and Thursday are the five working days.
async fn a_silent_week(attention: &str) -> Told {
    let pack = pack(attention);
    let at = london(datetime(2026, 3, 25, 9, 0, 0, 0));
    let scene =
        Scene::set(Setting { at, config: A_SHORT_WEEK, pack: &pack, hubspot: |_| {} }).await;
    let deal = scene.deal("Harbour Foods");
    let by = Actor::user(ANN_USER);
    let spoke = UnixMs(at.0 - DAY_MS);
    scene.hubspot().log_email(deal, Direction::Inbound, spoke, &by.clone().at(spoke)).unwrap();
    let app = scene.stage.open().await.unwrap();
    let play = async {
        scene.connect(&app).await;
        scene.stage.live_until(&app, london(datetime(2026, 3, 25, 16, 0, 0, 0))).await.unwrap();
        let now = scene.now();
        scene.hubspot().log_call(deal, Direction::Outbound, now, &by).unwrap();
        let eve = london(datetime(2026, 4, 1, 23, 59, 59, 0));
        scene.stage.live_until(&app, eve).await.unwrap();
        assert_eq!(scene.number("SELECT COUNT(*) FROM firing"), 0, "not before the fifth day");
        assert!(scene.stage.slack.messages().is_empty());
        scene.stage.live_until(&app, london(datetime(2026, 4, 2, 12, 0, 0, 0))).await.unwrap();
        let decided = scene.rows("SELECT rule_id, subject_id, fired_at FROM firing");
        let midnight = london(datetime(2026, 4, 2, 0, 0, 0, 0)).0.to_string();
        assert_eq!(decided, [["silent".to_owned(), deal.to_string(), midnight]]);
    };
    scene.stage.play(&app, play).await;
    Told { scene, app, deal }
}

/// When each message about the deal was posted, and which others came before.
fn posted(scene: &Scene) -> (Vec<UnixMs>, usize) {
    let messages = scene.stage.slack.messages();
    let about: Vec<_> =
        messages.iter().filter(|one| one.reads().contains("Harbour Foods")).collect();
    (about.iter().map(|one| one.posted_at).collect(), messages.len() - about.len())
}

/// On that Thursday at this hour in London. What is known of the deal is too old
/// to speak of, so it is read once more, which takes a second.
fn once_read_again(hour: i8) -> UnixMs {
    london(datetime(2026, 4, 2, hour, 0, 1, 0))
}

#[tokio::test]
async fn decided_at_midnight_it_is_told_in_the_digest_by_default() {
    let Told { scene, app, .. } = a_silent_week("").await;
    let (at, others) = posted(&scene);
    assert_eq!(at, [once_read_again(9)], "the digest of that day");
    assert_eq!(others, 1, "one hello");
    assert!(scene.hubspot().tasks().is_empty(), "nobody asked for a task");
    let play = scene.finish(&app);
    scene.stage.play(&app, play).await;
}

#[tokio::test]
async fn a_rule_that_interrupts_is_told_when_quiet_hours_end_and_makes_its_task() {
    let Told { scene, app, deal } = a_silent_week("attention: interrupt\n    crm: task").await;
    let (at, others) = posted(&scene);
    assert_eq!((at.as_slice(), others), ([once_read_again(8)].as_slice(), 1));
    let tasks = scene.hubspot().tasks();
    assert_eq!(tasks.len(), 1);
    let task = &tasks[0];
    assert_eq!(task.created_at, once_read_again(8));
    assert!(task.links.contains_key(&deal), "on the deal");
    assert_eq!(task.stored("hubspot_owner_id"), Some(scene.ann.to_string().as_str()));
    assert!(task.stored("hs_task_subject").unwrap().contains("Harbour Foods"));
    let play = scene.finish(&app);
    scene.stage.play(&app, play).await;
}

/// What we write is no activity: neither the clock of silence nor the rule's
/// own episode notices it.
#[tokio::test]
async fn our_own_task_and_note_are_no_activity() {
    for (crm, kind) in [("task", ObjectKind::Task), ("note", ObjectKind::Note)] {
        let Told { scene, app, deal } =
            a_silent_week(&format!("attention: interrupt\n    crm: {crm}")).await;
        let by = Actor::user(ANN_USER);
        let call = london(datetime(2026, 3, 25, 16, 0, 0, 0));
        let play = async {
            let written = match kind {
                ObjectKind::Task => scene.hubspot().tasks(),
                _ => scene.hubspot().notes(),
            };
            assert_eq!(written.len(), 1, "{crm}");
            // Webhooks, polls and a whole reading of the deal come by.
            scene.hubspot().set(deal, "amount", "1200", &by).unwrap();
            scene.live_minutes(&app, 26 * 60).await;
            let now = scene.now();
            assert_eq!(last_activity(&scene, deal), Some(call), "{crm}");
            assert_eq!(scene.number("SELECT COUNT(*) FROM firing WHERE ended_at > 0"), 0);
            // What a person does is.
            scene.hubspot().log_task(deal, UnixMs(now.0 + DAY_MS), "Call", &by).unwrap();
            scene.hubspot().log_call(deal, Direction::Inbound, now, &by).unwrap();
            scene.live_minutes(&app, 10).await;
            assert_eq!(last_activity(&scene, deal), Some(now), "{crm}");
            assert_eq!(scene.number("SELECT COUNT(*) FROM firing WHERE ended_at > 0"), 1);
            scene.finish(&app).await;
        };
        scene.stage.play(&app, play).await;
    }
}

fn last_activity(scene: &Scene, deal: u64) -> Option<UnixMs> {
    let body = &scene.rows(&format!("SELECT body FROM deal WHERE id = '{deal}'"))[0][0];
    let state: DealState = serde_json::from_str(body).unwrap();
    state.facts.activities.last(None, scene.now())
}
