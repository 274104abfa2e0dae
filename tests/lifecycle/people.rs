//! Who may do what, and teams.

use touchline::lifecycle::{Deed, Outcome};
use touchline_rules::attention::AttentionClass;
use touchline_rules::life::{Step, Tightening};

use crate::fixture::*;

const PAUSE: Step = Step::Pause;

fn pause() -> Deed {
    Deed::Step { rule: "moved".into(), step: PAUSE }
}

#[tokio::test]
async fn a_manager_asks_and_a_second_person_agrees() {
    in_company("", async |company, app| {
        let Outcome::Waits(id) = company.submit(app, MARY, pause()).await.unwrap() else {
            panic!()
        };
        assert_eq!(company.life(app, "moved").await.state, "on");
        let desk = company.desk(app, app.service().store.clone());
        let requests = desk.requests().await.unwrap();
        assert_eq!(
            (requests[0].id.as_str(), requests[0].lines[0].as_str()),
            (id.as_str(), "`moved`: on → paused")
        );
        let agree = async |by: &str| desk.settle(&id, true, by, "", company.now()).await;
        let herself = agree(MARY).await.unwrap_err().to_string();
        assert!(herself.contains("cannot agree to it as well"), "{herself}");
        let seller = agree(ANN).await.unwrap_err().to_string();
        assert!(seller.contains("may not change the company's rules"), "{seller}");
        assert_eq!(agree(MAX).await.unwrap(), Outcome::Done(vec!["`moved`: on → paused".into()]));
        let life = company.life(app, "moved").await;
        assert_eq!(
            (life.state.as_str(), life.actor.as_str()),
            ("paused", "mary@example.com, agreed by max@example.com")
        );
        let again = agree(ADMIN).await.unwrap_err().to_string();
        assert!(again.contains("was approved by max@example.com"), "{again}");
    })
    .await;
}

#[tokio::test]
async fn nobody_agrees_to_something_else_than_was_asked_for() {
    in_company("", async |company, app| {
        let Outcome::Waits(id) = company
            .submit(app, MARY, Deed::Step { rule: "moved".into(), step: Step::Watch })
            .await
            .unwrap()
        else {
            panic!()
        };
        company.step(app, "moved", Step::Retire).await;
        let desk = company.desk(app, app.service().store.clone());
        let moved = desk.settle(&id, true, MAX, "", company.now()).await.unwrap_err().to_string();
        assert!(moved.contains("`moved` was changed since"), "{moved}");
        desk.settle(&id, false, MARY, "no longer needed", company.now()).await.unwrap();
        assert!(desk.requests().await.unwrap().is_empty(), "whoever asked may take it back");
    })
    .await;
}

#[tokio::test]
async fn nobody_agrees_to_a_version_against_another_one_than_was_shown() {
    in_company("", async |company, app| {
        let softer = BIG.replace("threshold: 10000", "threshold: 20000");
        let asked = company.submit(app, MARY, Deed::Publish(pack(&softer))).await.unwrap();
        let Outcome::Waits(id) = asked else { panic!() };
        company.publish(app, BIG).await;
        let desk = company.desk(app, app.service().store.clone());
        let moved = desk.settle(&id, true, MAX, "", company.now()).await.unwrap_err().to_string();
        assert!(moved.contains("`big` was changed since"), "{moved}");
    })
    .await;
}

#[tokio::test]
async fn sellers_change_nothing_and_an_owner_may_always_pause() {
    // A name that only a rule knows gives nobody a right.
    in_company("", async |company, app| {
        let refused = company.submit(app, OPS, pause()).await.unwrap_err().to_string();
        assert!(refused.contains("ops@example.com may not change"), "{refused}");
    })
    .await;
    in_company("[people.\"ops@example.com\"]\n", async |company, app| {
        let refused = company.submit(app, ANN, pause()).await.unwrap_err().to_string();
        assert!(
            refused.contains("ann@example.com may not change the company's rules"),
            "{refused}"
        );
        let publish =
            company.submit(app, OPS, Deed::Publish(pack(BIG))).await.unwrap_err().to_string();
        assert!(publish.contains("an admin may"), "{publish}");
        assert!(matches!(company.submit(app, OPS, pause()).await.unwrap(), Outcome::Done(_)));
        assert_eq!(company.life(app, "moved").await.state, "paused");
    })
    .await;
}

#[tokio::test]
async fn a_teams_rule_is_its_managers_and_looks_at_its_deals_only() {
    in_company("", async |company, app| {
        let (ann, ben) = (
            company.deal(app, ANN, "Small fir", "5").await,
            company.deal(app, BEN, "Small elm", "5").await,
        );
        let mut team = pack(BIG);
        team.team = MARY.into();
        let foreign =
            company.submit(app, MAX, Deed::Publish(team.clone())).await.unwrap_err().to_string();
        assert!(
            foreign.contains("max@example.com does not manage the team of mary@example.com"),
            "{foreign}"
        );
        company.submit(app, MARY, Deed::Publish(team.clone())).await.unwrap();
        for deal in [ann, ben] {
            company.set(app, deal, "amount", "20000").await;
        }
        assert_eq!(company.told(), ["Small fir is big"]);
        let company_wide =
            company.submit(app, ADMIN, Deed::Publish(pack(BIG))).await.unwrap_err().to_string();
        assert!(
            company_wide.contains("it is that of the team of mary@example.com"),
            "{company_wide}"
        );
        team.team = ANN.into();
        let nobody = company.submit(app, ADMIN, Deed::Publish(team)).await.unwrap_err().to_string();
        assert!(nobody.contains("ann@example.com manages nobody"), "{nobody}");
    })
    .await;
}

#[tokio::test]
async fn a_team_mutes_a_company_rule_for_its_own_people() {
    in_company("", async |company, app| {
        let (ann, ben) = (
            company.deal(app, ANN, "Small fir", "5").await,
            company.deal(app, BEN, "Small elm", "5").await,
        );
        company.publish(app, BIG).await;
        let mute = |team: &str, muted| Deed::Mute { rule: "big".into(), team: team.into(), muted };
        company.submit(app, MARY, mute(MARY, true)).await.unwrap();
        assert!(company.submit(app, MARY, mute(MAX, true)).await.is_err());
        for deal in [ann, ben] {
            company.set(app, deal, "amount", "20000").await;
        }
        assert_eq!(company.told(), ["Small elm is big"]);
        company.submit(app, MARY, mute(MARY, false)).await.unwrap();
        company.minutes(app, 30).await;
        assert_eq!(company.told().len(), 1, "it was big before they heard of it again");
        company.set(app, ann, "amount", "5").await;
        company.set(app, ann, "amount", "20000").await;
        assert_eq!(company.told().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_team_tightens_numbers_and_never_loosens_them() {
    in_company("", async |company, app| {
        let deal = company.deal(app, ANN, "Small fir", "5").await;
        company.publish(app, BIG).await;
        let tighten = |to: Tightening| Deed::Tighten { rule: "big".into(), team: MARY.into(), to: Some(to) };
        let threshold = |number| Tightening { threshold: Some(number), ..Tightening::default() };
        let loose = company.submit(app, MARY, tighten(threshold(500.0))).await.unwrap_err().to_string();
        assert!(loose.contains("makes the rule speak more than 10000 does"), "{loose}");
        let nothing = company.submit(app, MARY, tighten(Tightening::default())).await.unwrap_err();
        assert!(nothing.to_string().contains("nothing is tightened"), "{nothing}");
        let mut to = threshold(30_000.0);
        to.attention = Some(AttentionClass::Digest);
        company.submit(app, MARY, tighten(to)).await.unwrap();
        company.set(app, deal, "amount", "20000").await;
        assert_eq!(company.told(), Vec::<String>::new());
        let desk = company.desk(app, app.service().store.clone());
        let lines = desk.list(company.now()).await.unwrap();
        let big = lines.iter().find(|line| line.rule == "big").unwrap();
        assert_eq!(big.notes, ["for the team of mary@example.com: threshold 10000 → 30000, attention interrupt → digest (because)"]);
        company.set(app, deal, "amount", "31000").await;
        company.days(app, 1).await;
        assert_eq!(company.told(), ["One thing worth your time"]);
    })
    .await;
}
