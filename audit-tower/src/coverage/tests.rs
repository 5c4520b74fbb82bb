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
    assert_eq!(watch.compare(asked(get, "/invoices/{id}"), Some("invoice.read")), None);
    assert_eq!(watch.compare(asked(get, "/health"), None), None);
    assert_eq!(watch.compare(asked(head, "/health"), None), None);
    assert_eq!(watch.compare(asked(options, "/anything"), None), None);
    assert_eq!(watch.compare(Asked { method: get, route: None }, None), None);
    let before = watch.coverage(&policy());
    assert_eq!(before, coverage(&routes(), &policy()));

    assert!(watch.compare(asked(get, "/invoices/{id}"), None).is_some());
    assert!(watch.compare(asked(get, "/invoices/{id}"), Some("invoice.peek")).is_some());
    assert!(watch.compare(asked(get, "/forgotten"), Some("x")).is_some());
    let uncovered = watch.coverage(&policy()).uncovered();
    assert_eq!(uncovered.len(), 3, "{uncovered:#?}");
    assert!(uncovered[0].contains("no audited function has recorded `invoice.read`"));
    assert!(uncovered[2].contains("GET /forgotten: the route is not declared"));
}
