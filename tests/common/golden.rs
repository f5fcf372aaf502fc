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
    /// Of the balls; 0 if slack or no ball.
    pub multipliers: [f64; 2],
    pub gradient: Option<Gradient>,
}

/// Gradients of <G, X>.
pub struct Gradient {
    /// G, row by row.
    pub cotangent: Vec<f64>,
    pub cost: Vec<f64>,
    /// Along the directions that `along` names.
    pub a: Option<Directional>,
    pub b: Option<Directional>,
}

pub struct Directional {
    pub values: Vec<f64>,
    /// e_i - e_(i+1 mod n), else e_i.
    pub differences: bool,
}

impl Directional {
    /// The stored kind of derivative from a gradient by entries.
    pub fn of(&self, gradient: &[f64]) -> Vec<f64> {
        let n = gradient.len();
        let next = |i: usize| if self.differences { gradient[(i + 1) % n] } else { 0.0 };
        (0..n).map(|i| gradient[i] - next(i)).collect()
    }
}

fn directional(value: &Value) -> Option<Directional> {
    let along = value["along"].as_str()?;
    let differences = along.contains("mod");
    assert!(differences || along.len() == 3, "unknown direction {along}");
    Some(Directional { values: vector(&value["values"], f64::NAN), differences })
}

fn gradient(value: &Value) -> Option<Gradient> {
    value["cost"].as_array()?;
    Some(Gradient {
        cotangent: vector(&value["plan_cotangent"], f64::NAN),
        cost: vector(&value["cost"], f64::NAN),
        a: directional(&value["a"]),
        b: directional(&value["b"]),
    })
}

fn vector(value: &Value, null: f64) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(null)).collect()
}

fn rule(value: &Value) -> Rule<f64> {
    let number = |key: &str| value[key].as_f64().unwrap();
    match value["rule"].as_str().unwrap() {
        "exact" => Rule::Exact,
        "kl" => Rule::Kl { tau: number("tau") },
        "l2ball" => Rule::L2Ball { radius2: number("radius2"), entropy: number("entropy") },
        other => panic!("unknown rule {other}"),
    }
}

/// All stored instances.
pub fn transport() -> Vec<Instance> {
    let text = include_str!("../golden/transport.json");
    let file: Value = serde_json::from_str(text).unwrap();
    let read = |i: &Value| {
        let e = &i["expected"];
        Instance {
            name: i["name"].as_str().unwrap().into(),
            rows: i["rows"].as_u64().unwrap() as usize,
            cols: i["cols"].as_u64().unwrap() as usize,
            epsilon: i["epsilon"].as_f64().unwrap(),
            cost: vector(&i["cost"], f64::INFINITY),
            a: vector(&i["a"], f64::NAN),
            b: vector(&i["b"], f64::NAN),
            row: rule(&i["row"]),
            col: rule(&i["col"]),
            plan: vector(&e["plan"], f64::NAN),
            f: vector(&e["f"], f64::NEG_INFINITY),
            g: vector(&e["g"], f64::NEG_INFINITY),
            row_marginal: vector(&e["row_marginal"], f64::NAN),
            col_marginal: vector(&e["col_marginal"], f64::NAN),
            transport_cost: e["transport_cost"].as_f64().unwrap(),
            objective: e["objective"].as_f64().unwrap(),
            multipliers: ["row_ball_multiplier", "col_ball_multiplier"]
                .map(|key| e[key].as_f64().unwrap_or(0.0)),
            gradient: gradient(&i["gradient"]),
        }
    };
    let instances: Vec<_> = file["instances"].as_array().unwrap().iter().map(read).collect();
    assert!(instances.len() >= 24, "the stored instances are incomplete");
    instances
}
