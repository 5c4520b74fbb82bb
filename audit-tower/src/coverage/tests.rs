use http::Method;
use serde_json::json;

use super::*;
use crate::policy::Rule;

fn route(method: Method, pattern: &str, declared: Declared) -> Route {
    Route { method, pattern: pattern.to_owned(), declared }
}

fn routes() -> [Route; 6] {
    [
        route(Method::GET, "/invoices/{id}", Declared::Audited("invoice.read")),
        route(Method::POST, "/notes", Declared::ByPolicy),
        route(Method::GET, "/health", Declared::Exempt("only | says\nthat it runs")),
        route(Method::GET, "/reports", Declared::ByPolicy),
        route(Method::GET, "/assets/{*path}", Declared::ByPolicy),
        route(Method::GET, "/salaries", Declared::ByPolicy),
    ]
}

fn policy() -> Policy {
    Policy::new([
        // Neither can be counted on.
        Rule::metadata().routes(["/salaries"]).actors(["u-1"]),
        Rule::metadata().routes(["/salaries"]).statuses([200..=200]),
        Rule::metadata().routes(["/reports"]),
        Rule::none("public").routes(["/assets/*"]),
    ])
    .unwrap()
}

#[test]
fn an_inventory_says_of_each_route_how_it_is_recorded() {
    let coverage = coverage(&routes(), &policy());
    assert_eq!(
        coverage.to_string(),
        "| method | route | recorded |\n|---|---|---|\n\
         | GET | /invoices/{id} | by attribute, as `invoice.read` |\n\
         | POST | /notes | by policy |\n\
         | GET | /health | exempt: only \\| says that it runs |\n\
         | GET | /reports | by policy |\n\
         | GET | /assets/{*path} | exempt: public |\n\
         | GET | /salaries | **NOT covered**: no rule of the policy records it, and nothing says why not |\n"
    );
    assert_eq!(
        serde_json::to_value(&coverage).unwrap()[0],
        json!({"method": "GET", "route": "/invoices/{id}", "recorded": "attribute", "action": "invoice.read"})
    );
    assert_eq!(coverage.uncovered().len(), 1);
    let denied = std::panic::catch_unwind(|| crate::assert_covered!(coverage)).unwrap_err();
    let message = denied.downcast_ref::<String>().unwrap();
    assert!(message.contains("GET /salaries") && message.contains("#[audited]"), "{message}");
}

#[test]
fn what_has_no_route_can_be_declared_and_a_reason_must_say_something() {
    let get = Method::GET;
    let asset = Asked { method: &get, route: None };
    assert!(Watch::over([]).unrecorded(asset).is_some());
    let declared = Watch::over([route(Method::GET, NO_ROUTE, Declared::Exempt("assets"))]);
    assert_eq!(declared.unrecorded(asset), None);
    assert!(declared.coverage(&Policy::default()).uncovered().is_empty());
    // No rule is for a route that is none.
    let all = Policy::new([Rule::metadata().routes(["/*"])]).unwrap();
    let by_policy = [route(Method::GET, NO_ROUTE, Declared::ByPolicy)];
    assert_eq!(coverage(&by_policy, &all).uncovered().len(), 1);
    let blank = [route(Method::GET, "/a", Declared::Exempt(" "))];
    assert_eq!(coverage(&blank, &Policy::default()).uncovered().len(), 1);
}

#[test]
fn only_requests_that_go_well_count() {
    let denials = Rule::none("known").outcomes([audit_core::Outcome::Denied]);
    let noise = Rule::none("noise").statuses([101..=101, 200..=399]);
    let without_upgrades = Rule::none("noise").statuses([200..=399]);
    let redirects = Rule::none("redirects").statuses([300..=399]);
    let of = |rule: Rule| {
        let routes = [route(Method::POST, "/a", Declared::ByPolicy)];
        let coverage = coverage(&routes, &Policy::new([rule]).unwrap());
        serde_json::to_value(coverage).unwrap()[0].clone()
    };
    assert_eq!(of(denials), json!({"method": "POST", "route": "/a", "recorded": "policy"}));
    let exempt = json!({"method": "POST", "route": "/a", "recorded": "exempt", "reason": "noise"});
    assert_eq!(of(noise), exempt);
    for (rule, why) in [(without_upgrades, "noise"), (redirects, "redirects")] {
        let some = json!({"method": "POST", "route": "/a", "recorded": "policy", "except": [why]});
        assert_eq!(of(rule), some);
    }
}

#[test]
fn what_a_rule_leaves_out_of_a_route_is_told() {
    let policy = Policy::new([Rule::none("a robot").actors(["robot"]), Rule::metadata()]).unwrap();
    let routes = [route(Method::GET, "/a", Declared::ByPolicy)];
    let all = coverage(&routes, &policy);
    assert_eq!(
        serde_json::to_value(&all).unwrap()[0],
        json!({"method": "GET", "route": "/a", "recorded": "policy", "except": ["a robot"]})
    );
    assert!(all.to_string().contains("| by policy, except: a robot |"), "{all}");
    assert_eq!(coverage(&routes, &Policy::default()).uncovered().len(), 1);
}

#[test]
fn what_requests_show_goes_before_what_was_declared() {
    let watch = Watch::over(routes());
    let asked = |method, route| Asked { method, route: Some(route) };
    let (get, head, options) = (&Method::GET, &Method::HEAD, &Method::OPTIONS);
    assert_eq!(watch.unrecorded(asked(get, "/health")), None);
    assert_eq!(watch.unrecorded(asked(head, "/health")), None);
    assert_eq!(watch.unrecorded(asked(options, "/anything")), None);
    assert_eq!(watch.recorded(asked(get, "/invoices/{id}"), "invoice.peek"), None);
    assert_eq!(watch.coverage(&policy()).unproven(), ["GET /invoices/{id}: `invoice.read`"]);
    assert_eq!(watch.recorded(asked(get, "/invoices/{id}"), "invoice.read"), None);
    let proven = watch.coverage(&policy());
    assert_eq!((proven.unproven().len(), proven.uncovered().len()), (0, 1));

    assert!(watch.unrecorded(asked(get, "/invoices/{id}")).is_some());
    assert!(watch.recorded(asked(get, "/forgotten"), "x").is_some());
    assert!(watch.unrecorded(Asked { method: get, route: None }).is_some());
    let uncovered = watch.coverage(&policy()).uncovered();
    assert_eq!(uncovered.len(), 4, "{uncovered:#?}");
    assert!(uncovered[0].contains("no audited function has recorded `invoice.read`"));
    assert!(uncovered[2].contains("GET (no route): it was answered"));
    assert!(uncovered[3].contains("GET /forgotten: it was answered, and is not declared"));
}

#[test]
fn methods_that_clients_make_up_are_one() {
    let watch = Watch::over(routes());
    for n in 0..100 {
        let method = Method::from_bytes(format!("MADE{n}").as_bytes()).unwrap();
        assert!(watch.unrecorded(Asked { method: &method, route: Some("/any") }).is_some());
    }
    assert_eq!(watch.undeclared().len(), 1);
}

#[test]
fn a_layer_that_knows_no_routes_covers_none() {
    assert_eq!(Watch::over([]).coverage(&Policy::default()).uncovered().len(), 1);
}
