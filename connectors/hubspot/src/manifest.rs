//! What the HubSpot connector declares about itself.

use touchline_kit::{Capability, DailyQuota, Limit, Manifest, OAuth, SecretField};

use crate::api;

/// Name of the limit on ordinary calls.
pub(crate) const LIMIT_CALLS: &str = "calls_per_10s";
/// Name of the limit on association reads, which HubSpot counts apart.
pub(crate) const LIMIT_ASSOCIATIONS: &str = "associations_per_10s";
/// Name of the limit on searches, which HubSpot counts apart and per account.
pub(crate) const LIMIT_SEARCHES: &str = "searches_per_s";

/// The scopes that are asked for: the least that reading deals and writing
/// tasks or notes needs. HubSpot has no task scope: tasks, notes and other
/// activities fall under contacts. `app/src/app/app-hsmeta.json` lists the
/// same; a test compares them.
pub(crate) const SCOPES: &[&str] = &[
    "oauth",
    "crm.objects.deals.read",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
];

/// The declaration.
pub static MANIFEST: Manifest = Manifest {
    name: "hubspot",
    title: "HubSpot",
    capabilities: &[Capability::Crm, Capability::Webhooks],
    base_url: "https://api.hubapi.com",
    secrets: &[
        SecretField {
            name: crate::receive::CLIENT_SECRET,
            required: false,
            help: "The app's client secret, on its Auth tab in HubSpot. Webhooks are refused \
                   without it; polling works.",
        },
        SecretField {
            name: "client_id",
            required: false,
            help: "The app's client id, on its Auth tab in HubSpot. Needed to connect by OAuth.",
        },
        SecretField {
            name: "access_token",
            required: false,
            help: "The static token on the app's Auth tab (or of a service key). Not needed when \
                   connected by OAuth.",
        },
    ],
    // What may come in any period is `calls` plus `burst`, so the two together
    // stay below what HubSpot allows on its smallest plan: 100 in 10 s, and 5
    // searches in a second.
    limits: &[
        Limit { name: LIMIT_CALLS, calls: 40, period_ms: 10_000, burst: 55 },
        Limit { name: LIMIT_ASSOCIATIONS, calls: 60, period_ms: 10_000, burst: 35 },
        Limit { name: LIMIT_SEARCHES, calls: 3, period_ms: 1_000, burst: 2 },
    ],
    oauth: Some(OAuth {
        authorize_url: "https://app.hubspot.com/oauth/authorize",
        token_path: api::paths::TOKEN,
        scopes: SCOPES,
        account_field: Some("hub_id"),
    }),
    daily: Some(DailyQuota {
        calls: 250_000,
        share_percent: 10,
        header: Some("x-hubspot-ratelimit-daily"),
    }),
    classify: api::classify::classify,
    setup: &[
        "Install HubSpot's command line on any machine (npm install -g @hubspot/cli) and sign in \
         to your account with hs account auth, as a super admin.",
        "Copy the folder connectors/hubspot/app; in its src/, copy hsprofile.example.json to \
         hsprofile.prod.json and enter your HubSpot account id and the public https address of \
         this Touchline.",
        "Run hs project upload --profile prod in that folder. This makes the app, with its scopes \
         and webhook subscriptions, in your account only.",
        "In HubSpot, open Development > Projects > Touchline > the app, and install it.",
        "On the app's Auth tab, copy the access token and the client secret.",
        "Put them into this connection's access_token and client_secret.",
        "Start Touchline and run touchline doctor: it reads the pipelines and names what is \
         missing.",
        "Change any deal in HubSpot: touchline doctor shows that its webhook arrived, or why it \
         was refused.",
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::objects::ACTIVITIES;
    use crate::properties::PROPERTIES;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).expect("a shipped file is JSON")
    }

    fn app() -> Value {
        json(include_str!("../app/src/app/app-hsmeta.json"))
    }

    fn webhooks() -> Value {
        json(include_str!("../app/src/app/webhooks/webhooks-hsmeta.json"))
    }

    #[test]
    fn the_shipped_app_asks_for_the_same_scopes() {
        let auth = &app()["config"]["auth"];
        let scopes = auth["requiredScopes"].as_array().unwrap();
        assert_eq!(scopes.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>(), SCOPES);
        assert_eq!(auth["type"], "static");
    }

    #[test]
    fn the_variant_for_oauth_differs_in_the_way_of_connecting_only() {
        let mut variant = json(include_str!("../app/app-hsmeta.oauth.json"));
        let auth = &mut variant["config"]["auth"];
        assert_eq!(auth["type"], "oauth");
        let back = format!("${{BASE_URL}}/connect/{}/callback", MANIFEST.name);
        assert_eq!(auth["redirectUrls"], serde_json::json!([back]));
        auth["type"] = "static".into();
        auth.as_object_mut().unwrap().remove("redirectUrls");
        assert_eq!(variant, app());
    }

    #[test]
    fn the_shipped_app_hears_of_every_mapped_property() {
        let webhooks = webhooks();
        let all = webhooks["config"]["subscriptions"]["crmObjects"].as_array().unwrap();
        let told = |kind: &str, object: &str| {
            let wanted =
                |one: &&Value| one["subscriptionType"] == kind && one["objectType"] == object;
            all.iter().filter(wanted).cloned().collect::<Vec<_>>()
        };
        let names: Vec<_> = told("object.propertyChange", "deal")
            .iter()
            .map(|one| one["propertyName"].as_str().unwrap().to_owned())
            .collect();
        // The creation event itself says when a deal was made.
        let mapped: Vec<_> =
            PROPERTIES.iter().map(|one| &*one.name).filter(|name| *name != "createdate").collect();
        assert_eq!(names, mapped);
        for kind in ["creation", "deletion", "merge", "restore"] {
            assert_eq!(told(&format!("object.{kind}"), "deal").len(), 1, "{kind}");
        }
        let made = all.iter().filter(|one| one["subscriptionType"] == "object.creation");
        assert_eq!(made.count(), 1 + ACTIVITIES.len());
        assert!(all.iter().all(|one| one["active"] == true));
        assert_eq!(webhooks["config"]["settings"]["targetUrl"], "${BASE_URL}/hooks/${CONNECTION}");
    }

    #[test]
    fn every_variable_of_the_shipped_files_is_in_the_example_profile() {
        let profile = json(include_str!("../app/src/hsprofile.example.json"));
        let variables = profile["variables"].as_object().unwrap();
        let text = format!("{}{}", app(), webhooks());
        let used: Vec<_> =
            text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        assert!(!used.is_empty());
        assert!(used.iter().all(|name| variables.contains_key(*name)), "{used:?}");
        let project = json(include_str!("../app/hsproject.json"));
        assert_eq!(project["srcDir"], "src");
    }

    #[test]
    fn the_readme_tells_the_same_number_of_steps() {
        let readme = include_str!("../README.md");
        let steps_of = |road: &str| {
            let section = readme.split("\n#").find(|section| section.contains(road)).unwrap();
            let is_step = |line: &&str| {
                line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
            };
            section.lines().filter(is_step).count()
        };
        assert_eq!(steps_of("## With a static token: eight steps"), MANIFEST.setup.len());
        assert_eq!(MANIFEST.setup.len(), 8);
        assert_eq!(steps_of("## With OAuth: nine steps"), 9);
    }

    #[test]
    fn limits_leave_room_below_the_smallest_plan() {
        for (limit, allowed) in MANIFEST.limits.iter().zip([100, 100, 5]) {
            assert!(limit.calls + limit.burst <= allowed, "{}", limit.name);
        }
    }
}
