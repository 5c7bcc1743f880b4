//! The protocol in TypeScript, for the page.

use std::path::Path;

use ts_rs::{Config, TS};

use super::protocol::{
    ArmInfo, Asked, BadCycleInfo, BoxInfo, CameInfo, ChunkInfo, EventInfo, FRAME, FRAME_HEADER,
    FieldInfo, HistogramInfo, JointLimits, LevelInfo, MeasureInfo, PageCommand, PhaseInfo,
    ReportInfo, RunInfo, SpreadInfo, StatsInfo, Told, VERSION, WorstInfo,
};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../dashboard/src/protocol.ts"
);
const SOURCE: &str = "crates/kilohertz-dashboard/src/page/protocol.rs";
/// Set it to write the file.
const UPDATE: &str = "KILOHERTZ_UPDATE_PROTOCOL";

/// Declares a type, with its documentation.
fn declared<T: TS>(config: &Config) -> String {
    let about = T::docs().unwrap_or_default();
    format!("{about}export {}\n", T::decl(config))
}

fn typescript() -> String {
    let config = Config::default();
    let types = [
        declared::<FieldInfo>(&config),
        declared::<JointLimits>(&config),
        declared::<BoxInfo>(&config),
        declared::<ArmInfo>(&config),
        declared::<SpreadInfo>(&config),
        declared::<HistogramInfo>(&config),
        declared::<StatsInfo>(&config),
        declared::<LevelInfo>(&config),
        declared::<EventInfo>(&config),
        declared::<ChunkInfo>(&config),
        declared::<CameInfo>(&config),
        declared::<MeasureInfo>(&config),
        declared::<WorstInfo>(&config),
        declared::<RunInfo>(&config),
        declared::<PhaseInfo>(&config),
        declared::<BadCycleInfo>(&config),
        declared::<ReportInfo>(&config),
        declared::<PageCommand>(&config),
        declared::<Told>(&config),
        declared::<Asked>(&config),
    ];
    format!(
        "// What the server and the page say to each other. Made from {SOURCE} by\n\
         // `{UPDATE}=1 cargo test -p kilohertz-dashboard protocol`; edit it there.\n\n\
         /** The version of the protocol. */\nexport const VERSION = {VERSION};\n\
         /** The bytes before the fields of a frame. */\nexport const FRAME_HEADER = {FRAME_HEADER};\n\
         /** The kind of a binary message that is a frame. */\nexport const FRAME = {FRAME};\n\n{}",
        types.join("\n")
    )
    .replace("\\[", "[")
    .replace("\\]", "]")
}

#[test]
fn the_page_knows_the_protocol_of_the_server() {
    let file = Path::new(FILE);
    let text = typescript();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder of the page");
        std::fs::write(file, &text).expect("the protocol of the page");
    }
    let present = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        present == text,
        "{FILE} is stale: run the test with {UPDATE}=1"
    );
}
