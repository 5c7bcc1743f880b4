//! An export needs no more memory for a longer run.

mod fixture;

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
            let arguments = ["--exact", name, "--nocapture"];
            let from = folder.path().join("run.mcap");
            fixture::memory::cost_of(what, &from, folder.path(), &arguments)
        });
        // The bench asks for 50 times faster; here the code is hardly optimised, and the machine may be loaded.
        assert!(
            long.processor_s < 15.0,
            "{what} of a minute took {} s",
            long.processor_s
        );
        let (short, long) = (short.peak, long.peak);
        assert!(
            long < short + (48 << 20),
            "{what}: {short} bytes for 10 s and {long} for 60 s"
        );
        assert!(long < 300_000_000, "{what}: {long} bytes");
    }
}
