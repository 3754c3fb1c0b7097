//! Counts the lines, words and letters of its input, as a job of the federation:
//!
//!     ./scripts/guests.sh
//!     icn-cli mesh run bin/guest-rust.wasm --input text.txt --output-name counts.csv

mod icn;

use std::io::{self, BufRead};

fn main() -> io::Result<()> {
    let mut counts = match icn::load() {
        Some(state) => parse(&state),
        None => [0u64; 3],
    };
    let done = counts[0];
    for (n, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        if (n as u64) < done {
            continue; // counted before
        }
        counts[0] += 1;
        counts[1] += line.split_whitespace().count() as u64;
        counts[2] += line.chars().count() as u64;
        if counts[0] % 1000 == 0 {
            icn::progress(0, &format!("{} lines", counts[0]));
            let _ = icn::save(text(&counts).as_bytes()); // whether it was kept does not show
        }
    }
    icn::progress(1000, "done");
    println!("{} lines, {} words, {} letters", counts[0], counts[1], counts[2]);
    match icn::output("counts.csv", text(&counts).as_bytes()) {
        Ok(()) | Err(icn::Refused::Denied) => Ok(()), // who did not ask for it does without
        Err(e) => Err(io::Error::new(io::ErrorKind::Other, format!("{:?}", e))),
    }
}

fn text(counts: &[u64; 3]) -> String {
    format!("{},{},{}\n", counts[0], counts[1], counts[2])
}

fn parse(state: &[u8]) -> [u64; 3] {
    let mut out = [0u64; 3];
    let text = String::from_utf8_lossy(state);
    for (slot, part) in out.iter_mut().zip(text.trim().split(',')) {
        *slot = part.parse().unwrap_or(0);
    }
    out
}
