//! How long the policy took for its answers.

use std::collections::VecDeque;

use crate::entry::OwnedCycle;

/// How many questions are kept for their answers: eight seconds of a policy at 1 kHz.
const MOST_QUESTIONS: usize = 8192;

/// Finds the question of each answer.
#[derive(Debug, Default)]
pub struct Answering {
    /// The ticks of questions, and when they were asked \[ns\].
    questions: VecDeque<(u64, f64)>,
}

impl Answering {
    /// Takes the next cycle. Returns how long before its answer that was asked \[ns\]; `None` if no answer came in
    /// this cycle, or its question is not known.
    pub fn took_ns(&mut self, cycle: &OwnedCycle) -> Option<f64> {
        let at_ns = |phase_s: f64| cycle.monotonic_ns as f64 + phase_s * 1e9;
        if let Some(asked_s) = cycle.phases.asked_s {
            if self.questions.len() == MOST_QUESTIONS {
                self.questions.pop_front();
            }
            self.questions.push_back((cycle.tick, at_ns(asked_s)));
        }
        let tick = cycle.answer.as_ref()?.tick;
        let answered_s = cycle.phases.answered_s?;
        let found = self
            .questions
            .binary_search_by_key(&tick, |&(tick, _)| tick);
        let (_, asked_ns) = *self.questions.get(found.ok()?)?;
        let took = at_ns(answered_s) - asked_ns;
        took.is_finite().then_some(took)
    }
}
