//! Links and states: what works once, and what uses nothing up.

use super::*;

#[tokio::test]
async fn a_link_can_be_looked_at_and_its_button_works_once() {
    let rig = rig("").await;
    let link = rig.link().await;
    assert_eq!(rig.send("HEAD", &link).await.0, 200);
    for _ in 0..3 {
        let (status, onward, page) = rig.get(&link).await;
        assert_eq!((status, onward.as_str()), (200, ""), "{page}");
        for told in [
            "<h1>Connect HubSpot to Touchline?</h1>",
            "<dd>admin@example.com</dd>",
            "<dd>crm</dd>",
            "crm.objects.deals.read",
            "<form method=\"post\" action=\"/connect/hubspot/start\">",
            "<button type=\"submit\">Connect HubSpot</button>",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("script") && !page.contains("style"), "{page}");
    }
    // An address alone does nothing, whatever stands in it.
    assert_eq!(rig.send("POST", &link).await.0, 403);
    let (status, _, page) = rig.press_from(&link, "cross-site").await;
    assert_eq!((status, page.contains("Another site sent this")), (403, true), "{page}");
    let (status, authorize, page) = rig.press(&link).await;
    assert_eq!(status, 200, "{page}");
    assert!(authorize.contains("/oauth/authorize?"), "{page}");
    for (status, _, page) in [rig.press(&link).await, rig.get(&link).await] {
        assert_eq!(status, 410);
        assert!(page.contains("used before"), "{page}");
        assert!(page.contains("touchline admin audit show"), "{page}");
        assert!(page.contains("touchline connect hubspot"), "{page}");
    }
}

#[tokio::test]
async fn a_link_works_in_time_and_as_it_was_made() {
    let rig = rig("").await;
    let link = rig.link().await;
    for changed in [
        link.replace("signature=", "signature=0"),
        link.replace("connection=crm", "connection=other"),
        link.replace("/hubspot/", "/slack/"),
        format!("{}?signature={}", link.split('?').next().unwrap(), "0".repeat(5_000)),
    ] {
        let (status, _, page) = rig.get(&changed).await;
        assert_eq!((status, page.contains("This link is not valid")), (403, true), "{page}");
        let (status, _, page) = rig.press(&changed).await;
        assert_eq!((status, page.contains("This link is not valid")), (403, true), "{page}");
    }
    assert_eq!(rig.get("/connect/hubspot/start").await.0, 403);
    assert_eq!(rig.get("/connect/%3Cb%3E/start").await.0, 403);
    assert_eq!(rig.press(&link).await.0, 200);
    let late = rig.link().await;
    rig.clock.advance_ms(10 * MINUTE_MS);
    for (status, _, page) in [rig.get(&late).await, rig.press(&late).await] {
        assert_eq!((status, page.contains("has expired")), (410, true), "{page}");
        assert!(page.contains("touchline connect hubspot"), "{page}");
    }
}

#[tokio::test]
async fn a_forged_or_repeated_or_late_state_changes_nothing() {
    let rig = rig("").await;
    let back = "/connect/hubspot/callback?code=fake-code&state=";
    for state in ["", "guess"] {
        assert_eq!(rig.get(&format!("{back}{state}")).await.0, 403);
    }
    // The nonce of a link is no state.
    let link = url::Url::parse(&rig.link().await).unwrap();
    let nonce = link.query_pairs().find(|(name, _)| name == "nonce").unwrap().1.into_owned();
    assert_eq!(rig.get(&format!("{back}{nonce}")).await.0, 403);
    assert_eq!(rig.token_calls(), 0);

    let authorize = rig.press(&rig.link().await).await.1;
    let callback = rig.allow(&authorize).await;
    assert_eq!(rig.get(&callback.replace("/hubspot/", "/slack/")).await.0, 403);
    let authorize = rig.press(&rig.link().await).await.1;
    let callback = rig.allow(&authorize).await;
    assert_eq!(rig.get(&callback).await.0, 200);
    assert_eq!(rig.get(&callback).await.0, 403);

    let late = rig.press(&rig.link().await).await.1;
    rig.clock.advance_ms(10 * MINUTE_MS);
    let callback = rig.allow(&late).await;
    assert_eq!(rig.get(&callback).await.0, 403);
}

/// Anybody can call this address with anything: nothing is written for it, and
/// no role is woken.
#[tokio::test]
async fn an_invented_state_wakes_nobody() {
    let rig = rig("").await;
    let wake = rig.service.store.wake();
    let told = wake.count(crate::wake::News::ALL);
    for state in ["junk", "", "%00", &"x".repeat(4_000)] {
        let (status, ..) =
            rig.get(&format!("/connect/hubspot/callback?state={state}&code=c")).await;
        assert_eq!(status, 403);
    }
    assert_eq!(wake.count(crate::wake::News::ALL), told);
}
