//! Measures rows of a bench again if the machine has stalled.

/// How often a row is measured at most. A failure in every attempt is not caused by a stall.
const TRIES: u32 = 10;

/// How many rows were measured again.
#[derive(Default)]
pub struct Repeats(u32);

impl Repeats {
    /// Returns the result of `measure`, which is called again if it fails.
    ///
    /// # Panics
    /// Panics if it fails every time.
    pub fn until_measured<T>(
        &mut self,
        row: &str,
        mut measure: impl FnMut() -> Result<T, String>,
    ) -> T {
        for _ in 1..TRIES {
            match measure() {
                Ok(measured) => return measured,
                Err(why) => println!("measured again: {row}: {why}"),
            }
            self.0 += 1;
        }
        measure().unwrap_or_else(|why| panic!("{row} failed {TRIES} times: {why}"))
    }

    pub fn print(&self) {
        println!(
            "rows measured again after a stall of the machine: {}",
            self.0
        );
    }
}
