//! The experiments of Le et al., "On Robust Optimal Transport: Computational Complexity and Barycenter
//! Computation" (NeurIPS 2021, arXiv 2102.06857): Figures 1, 2 and 3, and the complexity measured.
//!
//! `cargo bench --bench le_et_al [-- [--quick | --full] [FOLDER]]` writes a CSV for each figure and
//! `summary_le.md` into the folder (default `target/papers`) in some minutes; `--quick` takes seconds,
//! `--full` goes to the smallest targets of the paper, `--only=NAME` does one experiment (1, 2, 3a, 3bc,
//! complexity). `benches/papers/run` draws them too.
//! Seeds are our own: curves are of the paper's kind, not its very points.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

mod barycenter;
mod barycenters;
mod clock;
mod complexity;
mod contraction;
mod kept;
mod outliers;
mod pair;
mod plain;
#[path = "../random.rs"]
mod random;
mod reference;
mod semi_relaxed;
mod statistics;
mod watch;

use std::cell::RefCell;
use std::path::PathBuf;

/// Its name, and what does it.
type Experiment = (&'static str, fn(&Settings));

/// What was asked for, and where it goes.
pub(crate) struct Settings {
    pub(crate) quick: bool,
    pub(crate) full: bool,
    only: Option<String>,
    folder: PathBuf,
    summary: RefCell<String>,
}

impl Settings {
    fn new() -> Self {
        // Under `cargo test` there is no --bench, and no time for more.
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let has = |name: &str| arguments.iter().any(|a| a == name);
        let quick = has("--quick") || !has("--bench");
        let folder = arguments.iter().find(|a| !a.starts_with("--"));
        let folder = folder.map_or_else(|| PathBuf::from("target/papers"), PathBuf::from);
        std::fs::create_dir_all(&folder).unwrap();
        let only = arguments.iter().find_map(|a| a.strip_prefix("--only=")).map(str::to_owned);
        Self { quick, full: has("--full") && !quick, only, folder, summary: RefCell::default() }
    }

    fn asks_for(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }

    /// Seeds of an experiment.
    pub(crate) fn runs(&self) -> u64 {
        if self.quick { 2 } else { 10 }
    }

    pub(crate) fn progress(&self, what: &str) {
        eprintln!("le_et_al: {what}");
    }

    /// A line of the summary.
    pub(crate) fn say(&self, line: &str) {
        println!("{line}");
        let mut summary = self.summary.borrow_mut();
        summary.push_str(line);
        summary.push('\n');
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.join(name), text).unwrap();
    }
}

fn main() {
    let settings = Settings::new();
    reference::check();
    settings.say("# Le et al., NeurIPS 2021\n");
    let experiments: [Experiment; 5] = [
        ("1", outliers::figure1),
        ("2", contraction::figure2),
        ("3a", semi_relaxed::figure3a),
        ("3bc", barycenters::figure3bc),
        ("complexity", complexity::complexity),
    ];
    for (name, experiment) in experiments {
        if settings.asks_for(name) {
            experiment(&settings);
        }
    }
    settings.write("summary_le.md", &settings.summary.borrow());
    println!("written to {}", settings.folder.display());
}
