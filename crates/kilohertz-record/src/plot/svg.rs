//! Texts, lines and colours of an SVG page.

use std::fmt::Write;

kilohertz_core::named! {
    /// The colours of a page.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Scheme {
        /// Those that the reader prefers, by CSS.
        Auto = "auto",
        /// Dark on light, as for paper.
        Light = "light",
        /// Light on dark.
        Dark = "dark",
    }
}

/// The classes with their colours, on light and on dark. The two lines of a panel differ in hue, in
/// brightness and in width, so that people who tell few hues apart see both. What else has another colour
/// has another place or another shape, too.
const COLOURS: [(&str, &str, &str); 10] = [
    ("ground", "#ffffff", "#0d1117"),
    ("grid", "#d8dee4", "#30363d"),
    ("text", "#1f2328", "#e6edf3"),
    ("quiet", "#59636e", "#9198a1"),
    ("reported", "#f08c2e", "#c26f22"),
    ("commanded", "#0a3069", "#a5d6ff"),
    ("info", "#59636e", "#9198a1"),
    ("warning", "#9a6700", "#d29922"),
    ("error", "#cf222e", "#ff7b72"),
    ("bar", "#57718f", "#8ba3c1"),
];

/// Returns the style sheet of a page.
pub(crate) fn style(scheme: Scheme) -> String {
    let rules = |dark: bool| -> String {
        let rule = |&(name, light, night): &(&str, &str, &str)| {
            let colour = if dark { night } else { light };
            format!(".{name}{{fill:{colour}}}.{name}-line{{stroke:{colour}}}")
        };
        COLOURS.iter().map(rule).collect()
    };
    // Attributes would do for colours, and only a style sheet can ask for the reader's preference.
    let shapes = "path[class$=-line]{fill:none;stroke-linecap:round;stroke-linejoin:round}";
    let (scheme, colours) = match scheme {
        Scheme::Light => ("light", rules(false)),
        Scheme::Dark => ("dark", rules(true)),
        Scheme::Auto => {
            let dark = format!("@media (prefers-color-scheme:dark){{{}}}", rules(true));
            ("light dark", rules(false) + &dark)
        }
    };
    format!("<style>svg{{color-scheme:{scheme}}}{colours}{shapes}</style>")
}

/// Returns a text of at most `most` characters that is nothing but text in a page: markup is escaped, and
/// what XML does not allow, or what changes the direction of writing, is replaced.
pub(crate) fn escaped(text: &str, most: usize) -> String {
    let mut safe = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == most {
            safe.push('…');
            break;
        }
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            char if char.is_control() => safe.push('\u{fffd}'),
            '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{fffe}'
            | '\u{ffff}' => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}

/// Returns a whole number with its thousands apart.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// Returns a number with about three digits.
pub(crate) fn short(number: f64) -> String {
    let size = number.abs();
    let digits = match size {
        _ if size >= 100.0 => 0,
        _ if size >= 10.0 => 1,
        _ => 2,
    };
    match size {
        _ if size == 0.0 => "0".to_owned(),
        _ if !(1e-2..1e7).contains(&size) => format!("{number:.1e}"),
        _ => format!("{number:.digits$}"),
    }
}

/// Returns a time in nanoseconds in a unit that suits it.
pub(crate) fn time_text(ns: u64) -> String {
    match ns as f64 {
        ns if ns < 1e6 => format!("{} µs", short(ns / 1e3)),
        ns if ns < 1e9 => format!("{} ms", short(ns / 1e6)),
        ns => format!("{} s", short(ns / 1e9)),
    }
}

/// Returns where marks of an axis from `low` to `high` are, about `count` of them, at round numbers.
pub(crate) fn ticks(low: f64, high: f64, count: f64) -> Vec<f64> {
    let rough = (high - low) / count;
    if !(rough > 0.0 && rough.is_finite()) {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|step| step * power >= rough)
        .unwrap_or(10.0)
        * power;
    let first = (low / step).ceil();
    let steps = (high / step + 1e-9).floor() - first;
    // The count is small; it is bounded for numbers that lie too near to each other to be told apart.
    (0..=steps.clamp(0.0, 3.0 * count) as u32)
        .map(|index| (first + f64::from(index)) * step)
        .collect()
}

/// Returns the digits after the point that tell the marks of an axis apart.
pub(crate) fn tick_text(tick: f64, step: f64) -> String {
    if tick == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e6).contains(&step.abs()) {
        return format!("{tick:.1e}");
    }
    let digits = (-step.abs().log10().floor()).max(0.0) as usize;
    let text = format!("{tick:.digits$}");
    match text.trim_start_matches('-').parse() {
        Ok(0.0) => "0".to_owned(),
        _ => text.replace('-', "−"),
    }
}

/// The data of a path, in tenths of a pixel.
#[derive(Default)]
pub(crate) struct PathData {
    data: String,
    at: (i64, i64),
    is_line: bool,
}

fn tenths(place: f64) -> i64 {
    (place * 10.0).round() as i64
}

impl PathData {
    /// Begins a new line.
    pub fn begin(&mut self, x: f64, y: f64) {
        self.at = (tenths(x), tenths(y));
        let (x, y) = self.at;
        let _ = write!(self.data, "M{} {}", Tenths(x), Tenths(y));
        self.is_line = false;
    }

    /// Goes on to a place. Nothing is written if that is where the line is.
    pub fn go(&mut self, x: f64, y: f64) {
        let to = (tenths(x), tenths(y));
        let (dx, dy) = (to.0 - self.at.0, to.1 - self.at.1);
        if (dx, dy) == (0, 0) {
            return;
        }
        self.data.push(if self.is_line { ' ' } else { 'l' });
        let _ = write!(self.data, "{} {}", Tenths(dx), Tenths(dy));
        self.at = to;
        self.is_line = true;
    }

    /// Ends a line; one of a single place is made a dot.
    pub fn end(&mut self) {
        if !self.is_line && !self.data.is_empty() {
            self.data.push_str("h0");
            self.is_line = true;
        }
    }

    /// Adds a filled rectangle.
    pub fn bar(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let (x, y) = (Tenths(tenths(x)), Tenths(tenths(y)));
        let (width, height) = (tenths(width), tenths(height));
        let _ = write!(
            self.data,
            "M{x} {y}h{}v{}h{}z",
            Tenths(width),
            Tenths(height),
            Tenths(-width)
        );
    }

    /// Adds to the data.
    pub fn raw(&mut self, data: &str) {
        self.data.push_str(data);
    }

    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub fn data(&self) -> &str {
        &self.data
    }
}

/// A number of tenths, written as short as it can be.
struct Tenths(i64);

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Tenths(tenths) = *self;
        let sign = if tenths < 0 { "-" } else { "" };
        let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        match (whole, rest) {
            (whole, 0) => write!(f, "{sign}{whole}"),
            (0, rest) => write!(f, "{sign}.{rest}"),
            (whole, rest) => write!(f, "{sign}{whole}.{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(
            escaped("<script>'\"&\u{0}\n\u{202e}é", 100),
            "&lt;script&gt;&#39;&quot;&amp;\u{fffd} \u{fffd}é"
        );
        assert_eq!(escaped("abcdef", 3), "abc…");
        assert_eq!(escaped("abc", 3), "abc");
    }

    #[test]
    fn marks_of_axes_are_round_numbers() {
        assert_eq!(ticks(-0.13, 0.27, 4.0), [-0.1, 0.0, 0.1, 0.2]);
        assert!(ticks(3.0, 3.0, 4.0).is_empty());
        assert!(ticks(f64::NEG_INFINITY, f64::INFINITY, 4.0).is_empty());
        assert!(ticks(1e15, 1e15 + 1.0, 4.0).len() <= 13);
        assert_eq!(tick_text(-0.25, 0.05), "−0.25");
        assert_eq!(tick_text(-0.0, 0.1), "0");
        assert_eq!(tick_text(20.0, 20.0), "20");
    }

    #[test]
    fn paths_are_short_and_do_not_drift() {
        let mut path = PathData::default();
        path.begin(0.0, 0.5);
        for step in 1..=3 {
            path.go(f64::from(step) * 0.34, 0.5);
        }
        path.end();
        path.begin(5.0, -1.25);
        path.end();
        assert_eq!(path.data(), "M0 .5l.3 0 .4 0 .3 0M5 -1.3h0");
    }
}
