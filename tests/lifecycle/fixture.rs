//! A company with two sellers in one team and one in another, and rules that are
//! published while the service runs.

use std::sync::Arc;

use touchline::app::App;
use touchline::demo::stage::{Plan, Stage};
use touchline::lifecycle::plan::Publishing;
use touchline::lifecycle::{Deed, LifeError, Lifecycle, Outcome, Signature};
use touchline::store::{RuleLifeRow, Store};
use touchline_hubspot::fake::Actor;
use touchline_kit::Clock as _;
use touchline_rules::UnixMs;
use touchline_rules::life::Step;
use touchline_rules::ruleset::SourceFile;
use touchline_rules::time::{DAY_MS, MINUTE_MS};
use touchline_slack::fake::FakeUser;

/// Monday 2 March 2026, 10:00 in London.
pub const MONDAY: UnixMs = UnixMs(1_772_445_600_000);
/// A seller in Mary's team.
pub const ANN: &str = "ann@example.com";
/// A seller in Max's team.
pub const BEN: &str = "ben@example.com";
/// Ann's manager.
pub const MARY: &str = "mary@example.com";
/// Ben's manager.
pub const MAX: &str = "max@example.com";
/// The admin.
pub const ADMIN: &str = "admin@example.com";
/// The owner of the rules.
pub const OPS: &str = "ops@example.com";

const CONFIG: &str = r#"
admins = ["admin@example.com"]
[attention]
sending = "everyone"
interruptions_per_day = "off"
interruptions_per_day_new = "off"
deal_spacing_working_days = "off"
digest_items_max = "off"
quiet_hours = "off"
[crm]
poll_interval_minutes = 1440
metadata_interval_minutes = 1440
[people."ann@example.com"]
manager = "mary@example.com"
[people."ben@example.com"]
manager = "max@example.com"
"#;

/// Declared by a file: it speaks of every step.
pub const DECLARED: &str = "pack: declared
title: Declared habits
rules:
  - id: moved
    title: Moved on
    on: deal.stage_changed
    when: 'true'
    attention: interrupt
    owner: ops@example.com
    tip: { headline: \"{{ deal.name }} moved\", body: Agree one dated next step. }
";

/// Published by stories: a state rule with a threshold and tests of its own.
pub const BIG: &str = "pack: published
title: Published habits
rules:
  - id: big
    title: A big one
    on: state
    when: deal.amount >= threshold
    threshold: 10000
    attention: interrupt
    owner: ops@example.com
    tip: { headline: \"{{ deal.name }} is big\", body: Ask who else decides. }
    tests:
      - name: big enough
        given: { at: 2026-03-02T09:00Z, amount: 5 }
        then:
          - set: { amount: 50000 }
        expect: { fires: 1 }
";

/// A running company.
pub struct Company {
    pub stage: Stage,
    pub folder: tempfile::TempDir,
    ann: u64,
    ben: u64,
}

/// Plays a story in the company; `more` is added to its configuration.
pub async fn in_company(more: &str, story: impl AsyncFnOnce(&Company, &App)) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("declared.yaml"), DECLARED).unwrap();
    let mut plan = Plan::new(MONDAY, folder.path());
    plan.config =
        format!("rules = [\"{}/declared.yaml\"]\n{CONFIG}{more}", folder.path().display());
    let user = |id: &str, email: &str| FakeUser::new(id, email, email, "Europe/London");
    plan.chat = vec![user("U1", ANN), user("U2", BEN), user("U3", OPS), user("U4", ADMIN)];
    let stage = Stage::new(plan).await.unwrap();
    let ann = stage.hubspot.add_owner(ANN, "Ann", "Example", 7_001);
    let ben = stage.hubspot.add_owner(BEN, "Ben", "Example", 7_002);
    let company = Company { stage, folder, ann, ben };
    let app = company.stage.open().await.unwrap();
    company
        .stage
        .play(&app, async {
            company.minutes(&app, 1).await;
            story(&company, &app).await;
        })
        .await;
}

pub fn signed(by: &str, at: UnixMs) -> Signature {
    Signature { by: by.into(), agreed_by: None, why: "because".into(), at }
}

pub fn pack(text: &str) -> Publishing {
    Publishing::of(vec![SourceFile { path: "new.yaml".into(), text: text.into() }])
}

impl Company {
    pub fn now(&self) -> UnixMs {
        self.stage.clock.now()
    }

    pub async fn minutes(&self, app: &App, minutes: i64) {
        let until = self.now().plus_ms(minutes * MINUTE_MS);
        self.stage.live_until(app, until).await.unwrap();
    }

    pub async fn days(&self, app: &App, days: i64) {
        let until = self.now().plus_ms(days * DAY_MS);
        self.stage.live_until(app, until).await.unwrap();
    }

    /// A deal that was there before anybody looked, of that amount.
    pub async fn deal(&self, app: &App, owner: &str, name: &str, amount: &str) -> u64 {
        let owner = if owner == BEN { self.ben } else { self.ann }.to_string();
        let values = [
            ("dealname", name),
            ("pipeline", "default"),
            ("dealstage", "appointmentscheduled"),
            ("hubspot_owner_id", &owner),
            ("amount", amount),
        ];
        let born = Actor::user(7_001).at(self.now().plus_ms(-30 * DAY_MS));
        let deal = self.stage.hubspot.create_deal(&values, &born).unwrap();
        self.minutes(app, 10).await;
        deal
    }

    pub async fn set(&self, app: &App, deal: u64, property: &str, value: &str) {
        self.minutes(app, 1).await;
        self.stage.hubspot.set(deal, property, value, &Actor::user(7_001)).unwrap();
        self.minutes(app, 2).await;
    }

    /// The desk at which rules are changed, over this store.
    pub fn desk(&self, app: &App, store: Store) -> Lifecycle {
        let service = app.service();
        Lifecycle::new(store, Arc::clone(&service.config), service.accounts())
    }

    pub async fn submit(&self, app: &App, by: &str, deed: Deed) -> Result<Outcome, LifeError> {
        let desk = self.desk(app, app.service().store.clone());
        let outcome = desk.submit(deed, &signed(by, self.now())).await;
        self.minutes(app, 2).await;
        outcome
    }

    pub async fn publish(&self, app: &App, text: &str) {
        self.submit(app, ADMIN, Deed::Publish(pack(text))).await.unwrap();
    }

    pub async fn step(&self, app: &App, rule: &str, step: Step) {
        self.submit(app, ADMIN, Deed::Step { rule: rule.into(), step }).await.unwrap();
    }

    /// What was told in chat about deals, oldest first: who, and the headline.
    pub fn told(&self) -> Vec<String> {
        let all = self.stage.slack.messages().into_iter();
        let first = |reads: String| {
            reads.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned()
        };
        all.map(|message| first(message.reads()))
            .filter(|line| !line.starts_with("Hello"))
            .collect()
    }

    /// What was told in chat, whole.
    pub fn reads(&self) -> Vec<String> {
        self.stage.slack.messages().into_iter().map(|message| message.reads()).collect()
    }

    /// The ledger's reasons, each with its number.
    pub async fn ledger(&self, app: &App) -> Vec<(String, u64)> {
        app.service().store.summary().await.unwrap().suppressed
    }

    pub async fn life(&self, app: &App, rule: &str) -> RuleLifeRow {
        let (_, rows) = app.service().store.rule_book().await.unwrap();
        rows.lives.into_iter().find(|life| life.rule_id == rule).unwrap()
    }

    /// What the audit log says was done, oldest first: who and what.
    pub async fn audit(&self, app: &App) -> Vec<String> {
        let mut rows = app.service().store.audit_before(i64::MAX, 100).await.unwrap();
        rows.reverse();
        let rule = rows.into_iter().filter(|row| row.entry.action.starts_with("rule_"));
        rule.map(|row| format!("{} {}", row.entry.actor, row.entry.action)).collect()
    }
}
