//! How late a thread wakes at 1 kHz: the loop's own wait, which spins for a learnt time, compared with a
//! sleep of the standard library. This is for an ordinary thread; `pacer.rs` has the comparison under
//! `SCHED_FIFO`.

use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use kilohertz_core::timing::time::Time;
use kilohertz_core::timing::wait::Waiter;

const MS: Duration = Duration::from_millis(1);

fn lateness(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wake lateness");
    group.sampling_mode(SamplingMode::Flat).sample_size(20);
    group.measurement_time(Duration::from_secs(3));
    group.bench_function("adaptive wait", |bencher| {
        let mut waiter = Waiter::new(MS);
        bencher.iter_custom(|wakes| {
            let mut deadline = Time::now();
            (0..wakes).fold(Duration::ZERO, |late, _| {
                deadline = deadline.max(Time::now()) + MS;
                late + waiter.wait(deadline, || false).since(deadline)
            })
        });
    });
    group.bench_function("thread::sleep", |bencher| {
        bencher.iter_custom(|wakes| {
            (0..wakes).fold(Duration::ZERO, |late, _| {
                let deadline = Instant::now() + MS;
                std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
                late + deadline.elapsed()
            })
        });
    });
    group.finish();
}

criterion_group!(benches, lateness);
criterion_main!(benches);
