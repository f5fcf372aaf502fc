//! Reader of `tests/golden/unregularised.json` (its schema: `unregularised.py` beside it).

use robust_ot::marginal::Rule;
use serde_json::Value;

/// A small problem and the optimum of its objective *without* entropy.
#[derive(Clone)]
pub struct Instance {
    pub name: String,
    pub seed: u64,
    pub rows: usize,
    pub cols: usize,
    pub epsilon: f64,
    pub cost: Vec<f64>,
    pub a: Vec<f64>,
    pub b: Vec<f64>,
    pub row: Rule<f64>,
    pub col: Rule<f64>,
    /// Over plans of unit mass.
    pub unit_mass: bool,
    /// The objective at a feasible plan: at or above the optimum.
    pub optimum: f64,
    /// A dual value at feasible potentials: at or below the optimum.
    pub optimum_lower: f64,
}

fn vector(value: &Value, null: f64) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(null)).collect()
}

/// A side without tau is exact.
fn rule(tau: &Value) -> Rule<f64> {
    tau.as_f64().map_or(Rule::Exact, |tau| Rule::Kl { tau })
}

/// All 200 instances.
pub fn unregularised() -> Vec<Instance> {
    let text = include_str!("../golden/unregularised.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let read = |i: &Value| Instance {
        name: i["name"].as_str().unwrap().into(),
        seed: i["seed"].as_u64().unwrap(),
        rows: i["rows"].as_u64().unwrap() as usize,
        cols: i["cols"].as_u64().unwrap() as usize,
        epsilon: i["epsilon"].as_f64().unwrap(),
        cost: vector(&i["cost"], f64::INFINITY),
        a: vector(&i["a"], f64::NAN),
        b: vector(&i["b"], f64::NAN),
        row: rule(&i["tau_row"]),
        col: rule(&i["tau_col"]),
        unit_mass: i["family"] == "robust",
        optimum: i["optimum"].as_f64().unwrap(),
        optimum_lower: i["optimum_lower"].as_f64().unwrap(),
    };
    let instances: Vec<_> = file["instances"].as_array().unwrap().iter().map(read).collect();
    assert_eq!(instances.len(), 200, "the stored instances are incomplete");
    instances
}
