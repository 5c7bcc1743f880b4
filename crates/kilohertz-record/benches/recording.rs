//! What a cycle costs to write and to read, and how long an hour takes to export.
//!
//!     cargo bench -p kilohertz-record --bench recording
//!
//! As a test (`cargo test --benches`) it goes once through a second of a run.

#[path = "../tests/fixture/mod.rs"]
mod fixture;

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kilohertz_record::entry::{Entry, OwnedCycle};
use kilohertz_record::reader::RunReader;
use kilohertz_record::writer::{Compression, RunWriter, WriterOptions};

/// The cycles that are made beforehand: one second.
const CYCLES: u64 = 1000;

fn write(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write");
    group.throughput(Throughput::Elements(CYCLES));
    let mut arm = fixture::Arm::new();
    let cycles: Vec<OwnedCycle> = (0..CYCLES)
        .map(|tick| fixture::owned(&arm.cycle(tick)))
        .collect();
    for compression in [Compression::None, Compression::Lz4] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = WriterOptions {
            compression,
            ..fixture::options()
        };
        let mut bytes = 0;
        let name = format!("1000 cycles, {compression:?}");
        group.bench_function(name.to_lowercase(), |bencher| {
            bencher.iter(|| {
                let path = folder.path().join("run.mcap");
                let mut writer =
                    RunWriter::create(&path, fixture::run(), &options).expect("a file");
                for (index, cycle) in cycles.iter().enumerate() {
                    writer.write(&Entry::Cycle(cycle.lend())).expect("to write");
                    if index % 100 == 99 {
                        writer.flush().expect("to flush");
                    }
                }
                bytes = writer.len();
                drop(writer);
                std::fs::remove_file(path).expect("to remove");
            });
        });
        let minute = bytes as f64 * 60.0 / 1e6;
        println!("{compression:?}: {minute:.1} MB a minute at 1 kHz");
    }
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(CYCLES));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    fixture::record(&path, CYCLES);
    group.bench_function("1000 cycles", |bencher| {
        bencher.iter(|| {
            let reader = RunReader::open(&path).expect("to open");
            black_box(reader.filter(Result::is_ok).count())
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).measurement_time(Duration::from_secs(4));
    targets = write, read
}
criterion_main!(benches);
