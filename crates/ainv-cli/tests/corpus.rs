//! What fuzzing has found to go different ways through the readers, the views and the arguments, checked
//! as the fuzz targets check it, and inputs near those. `scripts/fuzz` keeps them; `AINV_FUZZ_SECONDS=600`
//! looks near them for so long a target, without nightly Rust, and blindly.

#[allow(unreachable_pub)]
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

use std::fs;
use std::path::Path;
use std::time::Instant;

/// The inputs of a file: each one's length in four bytes, then its bytes.
fn inputs(mut all: &[u8]) -> Vec<&[u8]> {
    let mut inputs = Vec::new();
    while let Some((length, rest)) = all.split_first_chunk() {
        let (input, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        inputs.push(input);
        all = rest;
    }
    assert!(all.is_empty());
    inputs
}

fn kept(target: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/kept").join(target);
    fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Changes in a few places: a bit, a byte, a piece left out, given twice, or taken from another input.
fn mutated(input: &[u8], other: &[u8], random: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    const TELLING: &[u8] = b"\0\x01\x7f\x80\xfe\xff\n\r\t ,;-+.0129eEinfx%()[]{}'\"";
    let mut bytes = input.to_vec();
    for _ in 0..=random(4) {
        let at = random(bytes.len() + 1);
        let piece = at..bytes.len().min(at + 1 + random(16));
        match random(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random(8),
            1 if at < bytes.len() => bytes[at] = TELLING[random(TELLING.len())],
            2 => bytes.insert(at, TELLING[random(TELLING.len())]),
            3 => drop(bytes.drain(piece)),
            4 => drop(bytes.splice(at..at, bytes[piece].to_vec())),
            _ => {
                let from = random(other.len() + 1);
                let taken = &other[from..other.len().min(from + random(64))];
                drop(bytes.splice(piece, taken.iter().copied()));
            }
        }
    }
    bytes
}

/// One function for all: the checks count the memory of the whole process.
#[test]
fn what_fuzzing_kept_and_near_it() {
    let seconds = std::env::var("AINV_FUZZ_SECONDS").ok();
    let seconds = seconds.map(|seconds| seconds.parse::<u64>().expect("a number of seconds"));
    // Any beginning will do; a long run takes another one each time.
    let mut state = match seconds {
        None => 0x9e37_79b9_7f4a_7c15,
        Some(_) => std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1,
    };
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    for target in fuzz::TARGETS {
        let all = kept(target);
        let inputs = inputs(&all);
        assert!(inputs.len() >= 4, "{target}: {} inputs", inputs.len());
        for input in &inputs {
            fuzz::check(target, input);
        }
        let begin = Instant::now();
        let mut count = 0u64;
        while seconds.map_or(count < 1000, |s| begin.elapsed().as_secs() < s) {
            let [input, other] = [0; 2].map(|_| inputs[random(inputs.len())]);
            let input = mutated(input, other, &mut random);
            let checked = std::panic::catch_unwind(|| fuzz::check(target, &input));
            assert!(checked.is_ok(), "{target}: {}", input.escape_ascii());
            count += 1;
        }
        #[allow(clippy::print_stdout)]
        {
            println!("{target}: {} inputs, {count} near them, none fails", inputs.len());
        }
    }
}
