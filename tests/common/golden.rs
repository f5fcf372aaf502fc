//! Reader of `tests/golden/transport.json` (see the README beside it).

use robust_ot::marginal::Rule;
use serde_json::Value;

pub struct Instance {
    pub name: String,
    pub rows: usize,
    pub cols: usize,
    pub epsilon: f64,
    pub cost: Vec<f64>,
    pub a: Vec<f64>,
    pub b: Vec<f64>,
    pub row: Rule<f64>,
    pub col: Rule<f64>,
    pub plan: Vec<f64>,
    pub f: Vec<f64>,
    pub g: Vec<f64>,
    pub row_marginal: Vec<f64>,
    pub col_marginal: Vec<f64>,
    pub transport_cost: f64,
    pub objective: f64,
}

fn vector(value: &Value, null: f64) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(null)).collect()
}

fn rule(value: &Value) -> Option<Rule<f64>> {
    match value["rule"].as_str().unwrap() {
        "exact" => Some(Rule::Exact),
        "kl" => Some(Rule::Kl { tau: value["tau"].as_f64().unwrap() }),
        _ => None,
    }
}

/// All stored instances whose rules are exact or KL.
pub fn transport() -> Vec<Instance> {
    let text = include_str!("../golden/transport.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let read = |i: &Value| {
        let e = &i["expected"];
        Some(Instance {
            name: i["name"].as_str().unwrap().into(),
            rows: i["rows"].as_u64().unwrap() as usize,
            cols: i["cols"].as_u64().unwrap() as usize,
            epsilon: i["epsilon"].as_f64().unwrap(),
            cost: vector(&i["cost"], f64::INFINITY),
            a: vector(&i["a"], f64::NAN),
            b: vector(&i["b"], f64::NAN),
            row: rule(&i["row"])?,
            col: rule(&i["col"])?,
            plan: vector(&e["plan"], f64::NAN),
            f: vector(&e["f"], f64::NEG_INFINITY),
            g: vector(&e["g"], f64::NEG_INFINITY),
            row_marginal: vector(&e["row_marginal"], f64::NAN),
            col_marginal: vector(&e["col_marginal"], f64::NAN),
            transport_cost: e["transport_cost"].as_f64().unwrap(),
            objective: e["objective"].as_f64().unwrap(),
        })
    };
    let instances: Vec<_> = file["instances"].as_array().unwrap().iter().filter_map(read).collect();
    assert!(instances.len() >= 18, "the stored instances are incomplete");
    instances
}
