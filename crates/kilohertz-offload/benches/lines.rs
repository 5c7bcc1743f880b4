//! A call over a line and its answer, as `InferenceThread` and `mpify` make them: there and back between
//! two threads that sleep in between, without pauses. `hand over and back` in
//! `kilohertz-core/benches/channels.rs` has the lower bound.

use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kilohertz_offload::layout::PAGE;
use kilohertz_offload::line::{End, Line};

const ARENA: u64 = 64 * PAGE;
const LONG: Duration = Duration::from_secs(60);
/// How long a caller of the package spins for the answer before it sleeps.
const SPINS: [Duration; 2] = [Duration::ZERO, Duration::from_micros(50)];

/// Takes the next message into `message`.
fn next(end: &mut End, message: &mut [u8], spin: Duration) {
    while end.peek().expect("a line that is whole").is_none() {
        end.wait(spin, LONG);
    }
    end.take(message).expect("what was there");
}

fn calls(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand over and back");
    for spin in SPINS {
        let what = format!("line, spinning {} us", spin.as_micros());
        group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
            bencher.iter_custom(|calls| {
                let line = Line::make(ARENA).expect("shared memory");
                let (mut caller, mut server) = (line.caller(), line.server());
                let serving = thread::spawn(move || {
                    let mut message = [0; 8];
                    for _ in 0..calls {
                        next(&mut server, &mut message, spin);
                        server.send(&message).expect("room");
                    }
                });
                let mut message = [0; 8];
                let before = Instant::now();
                for call in 0..calls {
                    caller.send(&call.to_le_bytes()).expect("room");
                    next(&mut caller, &mut message, spin);
                    assert_eq!(message, call.to_le_bytes());
                }
                let took = before.elapsed();
                serving.join().expect("it does not panic");
                took
            });
        });
    }
    group.finish();
}

criterion_group!(benches, calls);
criterion_main!(benches);
