//! Back-test = live, for any small season: vendors that are down, changes that come
//! late, twice and in another order, and a service that looks around now and then.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use touchline::coaching::data_check::override_activity;
use touchline::coaching::people::People;
use touchline::coaching::rulesets::RuleSets;
use touchline::coaching::settings::Settings;
use touchline::config::Config;
use touchline::connection::Connections;
use touchline::roles::ingest::events::CHANGES;
use touchline::service::{Parts, Service};
use touchline::store::{NewInbox, Store, StoreOptions};
use touchline::vault::Vault;
use touchline_kit::testing::ManualClock;
use touchline_rules::UnixMs;
use touchline_rules::attention::SendAs;
use touchline_rules::backtest::Pace;
use touchline_rules::facts::{
    Activity, ActivityKind, Actor, ActorKind, Change, ChangeKind, DealKey, Direction, Fact, Field,
    Metadata, Owner, Pipeline, Stage, StageKind, Value,
};
use touchline_rules::ruleset::{RuleSet, SourceFile};
use touchline_rules::time::{DAY_MS, MINUTE_MS};

use crate::ends::{End, Ends, differing, lived};
use crate::living::{Account, Living, last_look};
use crate::vendors::Vendors;

const CRM: &str = "crm";
const SALES: &str = "sales";
/// Deals that live through the season, and those that were won before it.
const DEALS: usize = 4;
const WON_BEFORE: usize = 6;
const DAYS: i64 = 9;
const MINUTES: i64 = DAYS * 24 * 60;
/// Monday, 2 March 2026, 06:00 in London: the service begins to look.
const BEGIN: UnixMs = UnixMs(1_772_431_200_000);
const HYDRATE_DEADLINE_MS: i64 = 240 * MINUTE_MS;
const CONFIG: &str = "time_zone = \"Europe/London\"\n[attention]\nsending = \"everyone\"\n\
    [delivery]\nfresh_max_age_minutes = 1000000\n\
    [people.\"ann@example.com\"]\nmanager = \"mia@example.com\"\ntarget = 500\n";

/// One thing that happens to one deal, and how long until it is told, and told again.
#[derive(Clone, Debug)]
struct Act {
    deal: usize,
    minute: i64,
    what: u8,
    told_after: i64,
    told_again_after: Option<i64>,
}

/// Minutes from and to which something is down.
type Outage = (i64, i64);

#[derive(Clone, Debug)]
struct Season {
    acts: Vec<Act>,
    /// Minutes from one look around to the next, taken in turns.
    gaps: Vec<i64>,
    crm_down: Vec<Outage>,
    chat_down: Vec<Outage>,
}

fn delay() -> impl Strategy<Value = i64> {
    prop_oneof![4 => Just(0), 3 => 0i64..30, 2 => 0i64..2_000]
}

fn act() -> impl Strategy<Value = Act> {
    let again = prop_oneof![3 => Just(None), 1 => delay().prop_map(Some)];
    // Two of the deals that were won before may be opened again.
    (0..DEALS + 2, 0..MINUTES, 0u8..14, delay(), again).prop_map(
        |(deal, minute, what, told_after, told_again_after)| Act {
            deal,
            minute,
            what,
            told_after,
            told_again_after,
        },
    )
}

fn outage() -> impl Strategy<Value = Outage> {
    (0..MINUTES, 60i64..2_000).prop_map(|(from, minutes)| (from, from + minutes))
}

fn season() -> impl Strategy<Value = Season> {
    (
        vec(act(), 0..50),
        vec(prop_oneof![3 => 20i64..300, 1 => 20i64..800], 1..20),
        vec(outage(), 0..3),
        vec(outage(), 0..3),
    )
        .prop_map(|(acts, gaps, crm_down, chat_down)| Season {
            acts,
            gaps,
            crm_down,
            chat_down,
        })
}

fn account() -> Metadata {
    let stage =
        |id: &str, kind| Stage { id: id.to_owned(), label: id.to_owned(), kind, phase: None };
    let owner = |id: &str, name: &str| Owner {
        id: id.to_owned(),
        user_id: None,
        email: Some(format!("{name}@example.com")),
        name: name.to_owned(),
        archived: false,
    };
    Metadata {
        time_zone: Some("Europe/London".to_owned()),
        pipelines: vec![Pipeline {
            id: SALES.to_owned(),
            label: "Sales".to_owned(),
            stages: vec![
                stage("talk", StageKind::Open),
                stage("offer", StageKind::Open),
                stage("won", StageKind::Won),
                stage("lost", StageKind::Lost),
            ],
        }],
        owners: vec![owner("1", "ann"), owner("2", "bob"), owner("3", "mia")],
        ..Metadata::default()
    }
}

fn change(deal: usize, at: UnixMs, kind: ChangeKind) -> Change {
    Change {
        deal: DealKey { connection: CRM.to_owned(), id: format!("d{deal}") },
        kind,
        occurred_at: at,
        actor: Actor { kind: ActorKind::Person, user_id: hand(deal, at).map(str::to_owned) },
        vendor_id: None,
        vendor_seq: 0,
    }
}

/// Who does something: the CRM does not always tell.
fn hand(deal: usize, at: UnixMs) -> Option<&'static str> {
    let turn = at.since_ms(BEGIN) / MINUTE_MS + deal as i64;
    [Some("1"), Some("2"), Some("3"), Some("3"), None][turn.rem_euclid(5) as usize]
}

fn set(field: Field, to: Option<Value>) -> ChangeKind {
    ChangeKind::FieldSet { field, to: to.map_or(Fact::Empty, Fact::Known) }
}

fn text(text: &str) -> Option<Value> {
    Some(Value::Text(text.to_owned()))
}

/// Half of the deals were there before the service, the others are made later.
fn made(deal: usize) -> Vec<Change> {
    if deal >= DEALS {
        return won_before(deal);
    }
    let day = if deal.is_multiple_of(2) { -1 } else { deal as i64 };
    let at = BEGIN.plus_ms(day * DAY_MS + 3 * 60 * MINUTE_MS);
    let kinds = [
        ChangeKind::Created,
        set(Field::Name, text(&format!("Deal {deal}"))),
        set(Field::Pipeline, text(SALES)),
        set(Field::Owner, text(["1", "2"][deal / 2 % 2])),
        set(Field::Stage, text("talk")),
        set(Field::NextStep, None),
        set(Field::Amount, None),
    ];
    kinds.map(|kind| change(deal, at, kind)).into()
}

/// A deal that was won before the service began to look.
fn won_before(deal: usize) -> Vec<Change> {
    let day = |day: usize| BEGIN.plus_ms((day as i64 - 20) * DAY_MS);
    let won = deal - DEALS;
    let all = [
        (day(0), ChangeKind::Created),
        (day(0), set(Field::Name, text(&format!("Won {won}")))),
        (day(0), set(Field::Pipeline, text(SALES))),
        (day(0), set(Field::Owner, text(["1", "2"][won % 2]))),
        (day(0), set(Field::Amount, Some(Value::Number((100 * (won + 1)).into())))),
        (day(0), set(Field::Stage, text("talk"))),
        (day(1 + won / 2), set(Field::Stage, text("offer"))),
        (day(4 + won), set(Field::Stage, text("won"))),
    ];
    all.map(|(at, kind)| change(deal, at, kind)).into()
}

impl Act {
    fn change(&self) -> Change {
        let at = BEGIN.plus_ms(self.minute * MINUTE_MS);
        let kind = match self.what {
            0 => set(Field::Stage, text("talk")),
            1..=3 => set(Field::Stage, text("offer")),
            4 if self.is_deleted() => set(Field::Stage, text("lost")),
            4 => set(Field::Stage, text("won")),
            5 => set(Field::Stage, text("lost")),
            6 => set(Field::NextStep, text("call")),
            7 => set(Field::NextStep, None),
            8 => set(Field::Owner, [text("1"), text("2"), None][self.deal % 3].clone()),
            9 => set(Field::Amount, Some(Value::Number(self.minute.into()))),
            10 => set(Field::Amount, None),
            11 if self.is_deleted() => ChangeKind::Deleted,
            12 if self.is_deleted() => ChangeKind::Restored,
            _ => ChangeKind::Activity(Activity {
                id: format!("{}-{}", self.deal, self.minute),
                kind: ActivityKind::Email,
                direction: Direction::Outbound,
                at,
                by_touchline: false,
                people: None,
            }),
        };
        change(self.deal, at, kind)
    }

    /// Deals are either deleted at times, or won: of a won deal that is gone live does
    /// not keep since when, if it is read again in the small hours.
    fn is_deleted(&self) -> bool {
        self.deal < 2
    }

    fn is_possible(&self) -> bool {
        made(self.deal)[0].occurred_at < self.change().occurred_at
    }
}

impl Season {
    /// What happens in the CRM, in order.
    fn changes(&self) -> Vec<Change> {
        let acts = self.acts.iter().filter(|act| act.is_possible()).map(Act::change);
        let made = (0..DEALS + WON_BEFORE).flat_map(made);
        let mut all: Vec<Change> = made.chain(acts).collect();
        all.sort_by_key(|change| change.occurred_at);
        all
    }

    /// When something is told to the service, or it looks around (`None`).
    fn course(&self) -> BTreeMap<UnixMs, Vec<Option<Change>>> {
        let mut course = BTreeMap::<UnixMs, Vec<Option<Change>>>::new();
        let mut tell = |at: UnixMs, what| course.entry(at).or_default().push(what);
        for made in (0..DEALS + WON_BEFORE).map(made).filter(|made| made[0].occurred_at >= BEGIN) {
            made.into_iter().for_each(|change| tell(change.occurred_at, Some(change)));
        }
        for act in self.acts.iter().filter(|act| act.is_possible()) {
            let told_at = act.change().occurred_at.plus_ms(act.told_after * MINUTE_MS);
            tell(told_at, Some(act.change()));
            if let Some(after) = act.told_again_after {
                tell(told_at.plus_ms(after * MINUTE_MS), Some(act.change()));
            }
        }
        let (mut at, mut gaps) = (0, self.gaps.iter().cycle());
        while at < MINUTES {
            tell(BEGIN.plus_ms(at * MINUTE_MS + 1), None);
            at += gaps.next().unwrap();
        }
        course
    }
}

fn rules() -> RuleSet {
    let text = include_str!("season.yaml").to_owned();
    let loaded = RuleSet::load(&[SourceFile { path: "season.yaml".to_owned(), text }], &[]);
    loaded.set.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))
}

async fn service(clock: &ManualClock, vendors: &Arc<Vendors>, store: Store) -> Arc<Service> {
    let config = Arc::new(Config::from_toml(CONFIG).unwrap());
    let mut connections = Connections::default();
    connections.insert(vendors.crm(CRM));
    connections.insert(vendors.chat("talk"));
    let people = People::load(store.clone(), Arc::clone(&config)).await.unwrap();
    let settings = Settings::load(store.clone(), &config, BEGIN).await.unwrap();
    let word = ("admin@example.com", "for the test");
    override_activity(&store, CRM, SALES, Some(true), word, BEGIN).await.unwrap();
    Arc::new(Service::new(Parts {
        config,
        clock: Arc::new(clock.clone()),
        store,
        connections: Arc::new(connections),
        rules: RuleSets::new(rules()),
        people,
        settings,
        vault: Arc::new(Vault::ephemeral()),
    }))
}

/// Lives through a season; answers what was told, and how it ended.
async fn live(
    season: &Season,
    service: &Service,
    living: &mut Living,
    vendors: &Vendors,
    clock: &ManualClock,
) {
    let is_in = |outages: &[Outage], at: UnixMs| {
        let minute = at.since_ms(BEGIN) / MINUTE_MS;
        outages.iter().any(|(from, until)| (*from..*until).contains(&minute))
    };
    for (at, events) in season.course() {
        clock.set(at);
        let looks = events.contains(&None);
        let told: Vec<Change> = events.into_iter().flatten().collect();
        if !told.is_empty() {
            let row = NewInbox {
                connection: CRM.to_owned(),
                kind: CHANGES.to_owned(),
                received_at: at,
                headers: Vec::new(),
                body: serde_json::to_vec(&told).unwrap(),
            };
            service.store.append(row).await.unwrap();
        }
        if looks {
            // Whom the chat does not know from the beginning is decided on otherwise.
            let chat_down = at > BEGIN.plus_ms(1) && is_in(&season.chat_down, at);
            vendors.set_down(is_in(&season.crm_down, at) && at > BEGIN.plus_ms(1), chat_down);
            living.tick(at).await;
        }
    }
}

/// A season as it was lived and as it is played.
async fn both(season: &Season) -> (Ends, Ends) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("season.db"), StoreOptions::default()).unwrap();
    let clock = ManualClock::new(BEGIN);
    let vendors = Vendors::new(clock.clone(), account(), season.changes());
    let service = service(&clock, &vendors, store).await;
    let people = ["ann", "bob", "mia"].map(|name| format!("{name}@example.com"));
    let mut living = Living::new(&service);
    live(season, &service, &mut living, &vendors, &clock).await;
    let lived = lived(&service.store, &people).await;
    let pace = Pace::AsTold { hydrate_deadline_ms: HYDRATE_DEADLINE_MS };
    let account = Account { slug: CRM, pipeline: SALES, rules: &rules(), people: &people };
    let until = last_look(&living.told);
    let (_, played) = account.played(&service, living.told, pace, until);
    (lived, played)
}

fn run(season: &Season) -> (Ends, Ends) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(both(season))
}

/// What there was to see in a season, in one word each.
fn kinds(ends: &Ends) -> impl Iterator<Item = String> {
    let rules = ends.values().map(|(firing, _)| firing.rule_id.clone());
    let rungs = ends
        .values()
        .flat_map(|(firing, _)| firing.quoted.map(|quoted| format!("{:?}", quoted.rung)));
    let ends = ends.values().map(|(_, end)| match end {
        End::Sent(_, decided_at, at) if at > decided_at => "held up".to_owned(),
        End::Sent(SendAs::Interrupt, ..) => "interruption".to_owned(),
        End::Sent(SendAs::Digest { .. }, ..) => "digest".to_owned(),
        End::Leaving(..) => "leaving".to_owned(),
        End::NotSent(word) => word.clone(),
        End::Open => "open".to_owned(),
    });
    ends.chain(rules).chain(rungs)
}

#[test]
fn any_season_played_again_fires_and_decides_what_it_did_live() {
    let config = ProptestConfig {
        cases: 16,
        max_shrink_iters: 100,
        ..ProptestConfig::with_source_file(file!())
    };
    let seen = RefCell::new(BTreeMap::<String, usize>::new());
    let law = |season: Season| {
        let (lived, played) = run(&season);
        for kind in kinds(&lived) {
            *seen.borrow_mut().entry(kind).or_default() += 1;
        }
        match differing(&lived, &played) {
            Some(differing) => Err(TestCaseError::fail(differing)),
            None => Ok(()),
        }
    };
    let judged = TestRunner::new(config).run(&season(), law);
    if let Err(failure) = judged {
        panic!("{failure}");
    }
    let seen = seen.into_inner();
    let of_ends = ["interruption", "digest", "spacing", "no_longer_true"];
    let of_rules = ["longer-than-won", "Stage", "two-at-once", "nothing-new"];
    for kind in of_ends.into_iter().chain(of_rules) {
        assert!(seen.contains_key(kind), "no season had {kind}: {seen:?}");
    }
}
