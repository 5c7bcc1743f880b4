//! The definitions of the messages, as each file has them.

use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use crate::layout::Layout;
use crate::wire::frames::robot_file;

/// What the files of `proto/` compile to. `tests/definitions.rs` makes it and checks it.
static COMPILED: &[u8] = include_bytes!("../../proto/definitions.binpb");

/// The definitions of all messages of one run.
pub(crate) struct Definitions {
    files: Vec<FileDescriptorProto>,
}

impl Definitions {
    pub fn new(state: &Layout, action: &Layout, answer: &Layout) -> Definitions {
        let mut files = match FileDescriptorSet::decode(COMPILED) {
            Ok(set) => set.file,
            Err(error) => unreachable!("the definitions are compiled in: {error}"),
        };
        let robot = robot_file(state, action, answer);
        files.retain(|file| file.name != robot.name);
        files.insert(0, robot);
        Definitions { files }
    }

    /// Returns the definition of the message `name`, as in `kilohertz.Cycle`, with all that it needs, as the
    /// bytes of a `FileDescriptorSet`.
    pub fn of(&self, name: &str) -> Vec<u8> {
        let defines = |file: &&FileDescriptorProto| {
            let messages = file.message_type.iter();
            messages
                .map(|message| format!("{}.{}", file.package(), message.name()))
                .any(|n| n == name)
        };
        let mut wanted: Vec<&str> = self
            .files
            .iter()
            .filter(defines)
            .map(|file| file.name())
            .collect();
        // A file comes after those that it needs, so one way back finds all of them.
        for file in self.files.iter().rev() {
            if wanted.contains(&file.name()) {
                wanted.extend(file.dependency.iter().map(String::as_str));
            }
        }
        let files = self
            .files
            .iter()
            .filter(|file| wanted.contains(&file.name()));
        FileDescriptorSet {
            file: files.cloned().collect(),
        }
        .encode_to_vec()
    }
}
