//! What can be reproduced of Xie, Mao, Zuo, Xu, Ye, Zhao and Zha, "A Hypergradient Approach to Robust
//! Regression without Correspondence" (ICLR 2021, arXiv 2012.00123).
//!
//! `cargo bench --bench xie_et_al [-- [--quick | --full] [--threads N] [FOLDER]]` writes into the folder (default
//! `target/papers`) `xie_table2.csv`, `xie_figure9.csv`, `xie_figure10.csv`, `xie_proposition1.csv` and
//! `summary_xie.md`, which has their figures in small tables. `--quick` takes seconds; `--full` has
//! as many runs of the second law of Table 2 as of the first. The numbers are the same with any
//! number of threads (default 1). `benches/papers/plot_xie.py` draws the CSVs, and
//! `benches/papers/RESULTS.md` says what agrees with the paper.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::std_instead_of_core,
    reason = "a benchmark may fail loudly"
)]

mod linear;
mod marginals;
mod proposition1;
#[path = "../random.rs"]
mod random;
mod sensing;
mod table2;

use std::path::PathBuf;

/// How much is done.
#[derive(Clone, Copy, PartialEq)]
enum Size {
    Quick,
    Usual,
    Full,
}

fn main() {
    let (mut size, mut bench, mut threads, mut folder) = (Size::Usual, false, 1, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => size = Size::Quick,
            "--full" => size = Size::Full,
            "--bench" => bench = true,
            "--threads" => {
                let count = arguments.next().and_then(|count| count.parse().ok());
                threads = count.expect("--threads needs a number");
            }
            other if other.starts_with("--") => panic!("{other}: no such option"),
            other => folder = Some(PathBuf::from(other)),
        }
    }
    // Under `cargo test` there is no --bench, and no time for more.
    let size = if bench { size } else { Size::Quick };
    let folder = folder.unwrap_or_else(|| PathBuf::from("target/papers"));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    let mut summary = String::from("# ROBOT (Xie et al., ICLR 2021)\n\n");
    if size == Size::Quick {
        summary.push_str("A quick run: sizes are not the paper's.\n\n");
    }
    write("xie_proposition1.csv", &proposition1::run(&mut summary));
    eprintln!("proposition 1: done");
    write("xie_figure9.csv", &marginals::figure9(&mut summary));
    eprintln!("figure 9: done");
    write("xie_figure10.csv", &marginals::figure10(&mut summary));
    eprintln!("figure 10: done");
    write("xie_table2.csv", &table2::run(size, threads, &mut summary));
    write("summary_xie.md", &summary);
    eprintln!("written to {}", folder.display());
}
