//! What playing chunks of actions costs in a cycle: the curve alone, and during a fade; and what taking a chunk
//! in costs, in the cycle in which it comes. Beside them a copy of an action, which is what a cycle without
//! chunks does.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kilohertz_core::command::chunk::Curve;
use kilohertz_core::command::chunk_player::ChunkPlayer;
use kilohertz_geometry::UNIT;

const DT_S: f64 = 1.0 / 30.0;
const ROWS: usize = 50;

/// The rows of a chunk of this curve.
fn rows(curve: Curve, rows: usize) -> (usize, Vec<f64>) {
    let wave = |row: usize, slot: usize| (0.1 * row as f64 + slot as f64).sin();
    match curve {
        Curve::Smooth => {
            let slots = 7;
            let numbers = (0..rows * slots).map(|at| wave(at / slots, at % slots));
            (slots, numbers.collect())
        }
        Curve::Pose => {
            let poses = (0..rows).flat_map(|row| {
                let mut pose = UNIT;
                let (sine, cosine) = (0.02 * row as f64).sin_cos();
                (pose[0], pose[1], pose[4], pose[5]) = (cosine, sine, -sine, cosine);
                pose[12] = wave(row, 0);
                pose
            });
            (16, poses.collect())
        }
    }
}

/// A player on its curve, or in the middle of a fade.
fn player(curve: Curve, fades: bool) -> (ChunkPlayer, Vec<f64>) {
    let (slots, actions) = rows(curve, ROWS);
    let mut player = ChunkPlayer::new(curve, slots, 256);
    player.take(&actions, DT_S, 0.0).expect("a chunk");
    player.begin(0.0, 0.0);
    if fades {
        player.take(&actions, DT_S, 0.1).expect("a chunk");
        player.beside_next(0.1, 1e-3);
        player.begin(0.1, 1.0);
    }
    (player, vec![0.0; slots])
}

fn chunks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("chunks");
    let (_, actions) = rows(Curve::Smooth, ROWS);
    let mut out = [0.0; 7];
    group.bench_function("copy of an action", |bencher| {
        bencher.iter(|| out.copy_from_slice(black_box(&actions[7..14])));
    });
    for (name, curve) in [("joints", Curve::Smooth), ("pose", Curve::Pose)] {
        for (what, fades) in [("on the curve", false), ("during a fade", true)] {
            let (mut player, mut out) = player(curve, fades);
            group.bench_function(format!("{name}, {what}"), |bencher| {
                bencher.iter(|| {
                    player.at(black_box(0.3), &mut out);
                    black_box(&out);
                });
            });
        }
        for length in [ROWS, 256] {
            let (slots, actions) = rows(curve, length);
            let mut player = ChunkPlayer::new(curve, slots, 256);
            group.bench_function(format!("{name}, {length} rows taken in"), |bencher| {
                bencher.iter(|| {
                    player
                        .take(black_box(&actions), DT_S, 0.0)
                        .expect("a chunk");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);
