//! Reader of `tests/golden/ranges.json`, and a plain-loop reference of the two rules with corners.

use super::case::Case;
use robust_ot::marginal::Rule;
use robust_ot::problem::Reference;
use serde_json::Value;

pub struct Stored {
    pub name: String,
    pub case: Case<f64>,
    pub plan: Vec<f64>,
    pub row_marginal: Vec<f64>,
    pub col_marginal: Vec<f64>,
    pub transport_cost: f64,
    pub objective: f64,
}

fn vector(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn rule(value: &Value) -> Rule<f64> {
    let number = |key: &str| value[key].as_f64().unwrap();
    match value["rule"].as_str().unwrap() {
        "exact" => Rule::Exact,
        "kl" => Rule::Kl { tau: number("tau") },
        "tv" => Rule::Tv { tau: number("tau") },
        "box" => Rule::Box {
            lower: number("lower"),
            upper: value["upper"].as_f64().unwrap_or(f64::INFINITY),
        },
        other => panic!("unknown rule {other}"),
    }
}

fn file() -> Value {
    serde_json::from_str(include_str!("../golden/ranges.json")).unwrap()
}

fn case(i: &Value) -> Case<f64> {
    Case {
        n: i["rows"].as_u64().unwrap() as usize,
        m: i["cols"].as_u64().unwrap() as usize,
        cost: vector(&i["cost"]),
        cloud: None,
        a: vector(&i["a"]),
        b: vector(&i["b"]),
        rows: rule(&i["row"]),
        cols: rule(&i["col"]),
        epsilon: i["epsilon"].as_f64().unwrap_or(f64::NAN),
        reference: match i["reference"].as_str() {
            Some("product") => Reference::Product,
            _ => Reference::Counting,
        },
        unit_mass: false,
    }
}

/// Optima with entropy.
pub fn stored() -> Vec<Stored> {
    let read = |i: &Value| {
        let e = &i["expected"];
        Stored {
            name: i["name"].as_str().unwrap().into(),
            case: case(i),
            plan: vector(&e["plan"]),
            row_marginal: vector(&e["row_marginal"]),
            col_marginal: vector(&e["col_marginal"]),
            transport_cost: e["transport_cost"].as_f64().unwrap(),
            objective: e["objective"].as_f64().unwrap(),
        }
    };
    let all: Vec<_> = file()["instances"].as_array().unwrap().iter().map(read).collect();
    assert!(all.len() >= 22, "the stored instances are incomplete");
    all
}

/// Problems without entropy and their optima.
pub fn unregularised() -> Vec<(String, Case<f64>, f64)> {
    let read =
        |i: &Value| (i["name"].as_str().unwrap().into(), case(i), i["optimum"].as_f64().unwrap());
    let all: Vec<_> = file()["unregularised"].as_array().unwrap().iter().map(read).collect();
    assert!(all.len() >= 30, "the stored problems are incomplete");
    all
}

/// Phi(r), without regard to what is feasible.
pub fn penalty(rule: Rule<f64>, r: &[f64], w: &[f64]) -> f64 {
    let terms = r.iter().zip(w);
    match rule {
        Rule::Tv { tau } => tau * terms.map(|(r, w)| (r - w).abs()).sum::<f64>(),
        Rule::Kl { tau } => {
            tau * terms
                .map(|(r, w)| if *r > 0.0 { r * (r / w).ln() - r + w } else { *w })
                .sum::<f64>()
        }
        _ => 0.0,
    }
}

/// -Phi*(-f) from its definition as an infimum over r >= 0: at the ends of the pieces of Phi.
pub fn dual(rule: Rule<f64>, f: &[f64], w: &[f64]) -> f64 {
    let terms = f.iter().zip(w).filter(|(f, _)| **f > f64::NEG_INFINITY);
    terms
        .map(|(f, w)| match rule {
            Rule::Exact => f * w,
            Rule::Kl { tau } => tau * w * (1.0 - (-f / tau).exp()),
            Rule::Tv { tau } => {
                assert!(*f >= -tau - 1e-12, "a dual value of minus infinity");
                (tau * w).min(f * w)
            }
            Rule::Box { lower, upper } => {
                let end = |share: f64| if *f == 0.0 { 0.0 } else { share * w * f };
                end(lower).min(end(upper))
            }
            _ => unreachable!(),
        })
        .sum()
}
