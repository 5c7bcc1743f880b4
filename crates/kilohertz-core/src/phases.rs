//! The phases of a cycle.

crate::named! {
    /// A part of a cycle, in the order in which they come.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Phase {
        /// From the end of the cycle before until this one begins: the robot's state is waited for, or the time
        /// of the cycle.
        Wait = "wait",
        /// How much later than at the robot's own time the cycle begins; also how much later than at the
        /// deadline a wait for an answer ends.
        Wake = "wake",
        /// From the question until the policy takes it.
        HandOver = "handOver",
        /// The policy is at work. From the question to the answer, if it is not known when the policy took the
        /// question: in another process, and on the loop's own thread.
        Policy = "policy",
        /// From the policy's answer until the loop has it.
        HandBack = "handBack",
        /// The answer is judged.
        Judge = "judge",
        /// The late rule and the limits decide the command.
        Decide = "decide",
        /// The command is handed to the robot.
        Send = "send",
        /// The cycle is counted and kept.
        Record = "record",
    }
}

impl Phase {
    /// How many there are.
    pub const COUNT: usize = Phase::ALL.len();
}
