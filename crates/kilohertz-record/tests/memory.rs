//! An export needs no more memory for a longer run.

mod fixture;

use std::time::Instant;

#[test]
fn an_export_of_a_minute_needs_the_memory_of_one_of_ten_seconds() {
    if fixture::memory::run_child() {
        return;
    }
    let folders = [10, 60].map(|seconds| {
        let folder = tempfile::tempdir().expect("a folder");
        fixture::record(&folder.path().join("run.mcap"), seconds * 1000);
        folder
    });
    for what in fixture::memory::EXPORTS {
        let [short, long] = folders.each_ref().map(|folder| {
            let name = "an_export_of_a_minute_needs_the_memory_of_one_of_ten_seconds";
            let before = Instant::now();
            let arguments = ["--exact", name, "--nocapture"];
            let from = folder.path().join("run.mcap");
            let peak = fixture::memory::peak_of(what, &from, folder.path(), &arguments);
            println!("{what}: {} MB in {:?}", peak / 1_000_000, before.elapsed());
            // Slower than the run, and a run could not be exported in the time that it took.
            assert!(
                before.elapsed().as_secs() < 60,
                "{what} took {:?}",
                before.elapsed()
            );
            peak
        });
        assert!(
            long < short + (48 << 20),
            "{what}: {short} bytes for 10 s and {long} for 60 s"
        );
        assert!(long < 300_000_000, "{what}: {long} bytes");
    }
}
