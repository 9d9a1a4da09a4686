use super::*;
use serde_json::json;

const NOW: u64 = 1_900_000_000;

fn object(value: &Value) -> Object {
    value.as_object().unwrap().clone()
}

fn rules() -> Rules {
    Rules { issuer: Some("https://clerk.example".into()), audience: "t2m-api".into(), parties: Vec::new() }
}

fn with_parties() -> Rules {
    Rules { parties: vec!["https://app.example".into()], ..rules() }
}

/// Good claims, with some of them replaced; `null` stays in as `null`.
fn claims(changes: &Value) -> Object {
    let mut claims = object(&json!({
        "sub": "user_1", "exp": NOW + 60, "iat": NOW, "nbf": NOW,
        "iss": "https://clerk.example", "aud": "t2m-api",
    }));
    claims.extend(object(changes));
    claims
}

fn without(name: &str) -> Object {
    let mut claims = claims(&json!({}));
    claims.remove(name);
    claims
}

fn verdict(claims: &Object, rules: &Rules) -> Result<(), Flaw> {
    judge(&object(&json!({"alg": "RS256", "typ": "JWT"})), claims, rules, NOW).map(drop)
}

#[test]
fn a_token_describes_its_user() {
    let full = claims(&json!({
        "email": "a@example.com", "role": "admin", "metadata": {"role": "other"},
        "permissions": ["files:read"], "subscription_tier": "pro", "user_id": "user_1",
    }));
    let user = judge(&object(&json!({"alg": "RS256"})), &full, &rules(), NOW).unwrap().user;
    assert_eq!(user.id.as_str(), "user_1");
    assert_eq!((user.email.as_deref(), user.role.as_deref()), (Some("a@example.com"), Some("admin")));
    assert_eq!((user.permissions, user.subscription_tier.as_deref()), (vec!["files:read".into()], Some("pro")));
}

#[test]
fn a_description_of_an_unexpected_type_counts_as_absent() {
    let odd = claims(&json!({
        "email": 1, "role": ["admin"], "metadata": {"role": "editor"}, "permissions": "all",
        "subscription_tier": {}, "user_id": null,
    }));
    let user = judge(&object(&json!({"alg": "RS256"})), &odd, &rules(), NOW).unwrap().user;
    assert_eq!((user.email, user.role.as_deref()), (None, Some("editor")));
    assert_eq!((user.permissions, user.subscription_tier), (Vec::new(), None));
}

#[test]
fn times_have_five_seconds_of_leeway() {
    for (changes, expected) in [
        (json!({"exp": NOW - 4}), Ok(())),
        (json!({"exp": NOW as f64 - 3.5}), Ok(())),
        (json!({"exp": NOW as f64 - 4.5}), Err(Flaw::Expired)),
        (json!({"exp": NOW - 5}), Err(Flaw::Expired)),
        (json!({"exp": NOW - 6}), Err(Flaw::Expired)),
        (json!({"exp": -1}), Err(Flaw::Expired)),
        (json!({"exp": 1e18}), Ok(())),
        (json!({"exp": "1e18"}), Err(Flaw::Time)),
        (json!({"exp": null}), Err(Flaw::Time)),
        (json!({"exp": [NOW + 60]}), Err(Flaw::Time)),
        (json!({"nbf": NOW + 4}), Ok(())),
        (json!({"nbf": NOW + 6}), Err(Flaw::Time)),
        (json!({"nbf": NOW + 3600}), Err(Flaw::Time)),
        (json!({"nbf": "0"}), Err(Flaw::Time)),
        (json!({"iat": NOW + 4}), Ok(())),
        (json!({"iat": NOW + 6}), Err(Flaw::Time)),
        (json!({"iat": true}), Err(Flaw::Time)),
        (json!({"iat": null}), Err(Flaw::Time)),
        (json!({"nbf": null}), Err(Flaw::Time)),
        (json!({"nbf": 1e18}), Err(Flaw::Time)),
    ] {
        assert_eq!(verdict(&claims(&changes), &rules()), expected, "{changes}");
    }
    assert_eq!(verdict(&without("exp"), &rules()), Err(Flaw::Time));
}

#[test]
fn the_subject_is_a_user_id_that_nothing_contradicts() {
    for bad in [json!(""), json!(1), json!(["user_1"]), json!("a:b"), json!("x".repeat(4096)), json!(null)] {
        assert_eq!(verdict(&claims(&json!({"sub": bad})), &rules()), Err(Flaw::Subject), "{bad}");
    }
    assert_eq!(verdict(&without("sub"), &rules()), Err(Flaw::Subject));
    assert_eq!(verdict(&claims(&json!({"user_id": "user_2"})), &rules()), Err(Flaw::Subject));
    assert_eq!(verdict(&claims(&json!({"user_id": 1})), &rules()), Ok(()));
}

#[test]
fn issuer_audience_and_party_are_those_of_the_settings() {
    let app = "https://app.example";
    for (changes, rules, expected) in [
        (json!({"iss": "https://other.example"}), rules(), Err(Flaw::Issuer)),
        (json!({"iss": null}), rules(), Err(Flaw::Issuer)),
        (json!({"iss": ["https://clerk.example"]}), rules(), Err(Flaw::Issuer)),
        (json!({"iss": 1}), Rules { issuer: None, ..rules() }, Ok(())),
        (json!({"iss": "https://other.example"}), Rules { issuer: None, ..rules() }, Ok(())),
        (json!({"iss": DEVELOPMENT_ISSUER}), Rules { issuer: None, ..rules() }, Err(Flaw::Issuer)),
        (json!({"iss": DEVELOPMENT_ISSUER}), Rules { issuer: Some(DEVELOPMENT_ISSUER.into()), ..rules() }, Ok(())),
        (json!({"aud": "other"}), rules(), Err(Flaw::Audience)),
        (json!({"aud": []}), rules(), Err(Flaw::Audience)),
        (json!({"aud": 7}), rules(), Err(Flaw::Audience)),
        (json!({"aud": 7, "azp": app}), with_parties(), Err(Flaw::Audience)),
        (json!({"aud": ["other", "t2m-api"]}), rules(), Ok(())),
        (json!({"aud": null}), rules(), Err(Flaw::Audience)),
        (json!({"aud": null, "azp": app}), with_parties(), Ok(())),
        (json!({"aud": "other", "azp": app}), with_parties(), Err(Flaw::Audience)),
        (json!({"azp": "https://other.example"}), rules(), Ok(())),
        (json!({"azp": [app]}), rules(), Ok(())),
        (json!({"azp": app}), with_parties(), Ok(())),
        (json!({"azp": "https://app.example.evil"}), with_parties(), Err(Flaw::Party)),
        (json!({"azp": [app]}), with_parties(), Err(Flaw::Party)),
        (json!({}), with_parties(), Err(Flaw::Party)),
    ] {
        assert_eq!(verdict(&claims(&changes), &rules), expected, "{changes}");
    }
    assert_eq!(verdict(&without("aud"), &rules()), Err(Flaw::Audience));
}

#[test]
fn sessions_and_templates_are_taken_machines_and_pending_ones_are_not() {
    for (changes, expected) in [
        (json!({"sts": "active"}), Ok(())),
        (json!({"sts": "pending"}), Err(Flaw::Pending)),
        (json!({"sts": ["active"]}), Err(Flaw::Pending)),
        (json!({"sts": null, "cat": null}), Ok(())),
        (json!({"cat": 1}), Err(Flaw::Machine)),
        (json!({"cat": "cl_B7d4PD111AAA"}), Ok(())),
        (json!({"cat": "cl_B7d4PD222AAA"}), Ok(())),
        (json!({"cat": "cl_B7d4PD333AAA"}), Err(Flaw::Machine)),
        (json!({"sub": "mch_1"}), Err(Flaw::Machine)),
    ] {
        assert_eq!(verdict(&claims(&changes), &rules()), expected, "{changes}");
    }
}

#[test]
fn a_header_that_asks_for_more_is_refused() {
    for (header, expected) in [
        (json!({}), Ok(())),
        (json!({"typ": "JWT", "kid": "__proto__", "jku": "https://evil.example"}), Ok(())),
        (json!({"typ": "jwt"}), Err(Flaw::Header)),
        (json!({"typ": "at+jwt"}), Err(Flaw::Header)),
        (json!({"typ": null}), Err(Flaw::Header)),
        (json!({"crit": ["b64"]}), Err(Flaw::Header)),
        (json!({"crit": []}), Err(Flaw::Header)),
        (json!({"b64": false}), Err(Flaw::Header)),
        (json!({"zip": "DEF"}), Err(Flaw::Header)),
        (json!({"cat": "cl_B7d4PD333AAA"}), Err(Flaw::Machine)),
    ] {
        let found = judge(&object(&header), &claims(&json!({})), &rules(), NOW).map(drop);
        assert_eq!(found, expected, "{header}");
    }
}
