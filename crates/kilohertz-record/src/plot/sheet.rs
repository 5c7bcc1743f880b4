//! The sheet that a page is drawn on, from its top downwards.

use std::fmt::Write;

use crate::plot::lanes::Timeline;
use crate::plot::svg::{PathData, escaped, tick_text, ticks};

/// The width of a page, and where its charts begin and how wide they are \[pixels\].
pub(crate) const WIDTH: f64 = 1000.0;
pub(crate) const LEFT: f64 = 180.0;
pub(crate) const PLOT: f64 = 800.0;
/// Where labels of rows begin.
pub(crate) const MARGIN: f64 = 20.0;
/// The most characters of a label beside a chart.
pub(crate) const LABEL: usize = 21;

/// A page, as far as it is drawn.
pub(crate) struct Sheet {
    body: String,
    /// Where the next thing is drawn.
    pub y: f64,
    /// The marks of the axis of time \[s\], and their places.
    marks: Vec<(f64, f64)>,
    step_s: f64,
}

/// How a text is set.
#[derive(Clone, Copy)]
pub(crate) struct Set {
    pub class: &'static str,
    pub size: f64,
    pub anchor: &'static str,
}

pub(crate) const QUIET: Set = Set {
    class: "quiet",
    size: 11.0,
    anchor: "start",
};
pub(crate) const AXIS: Set = Set {
    class: "quiet",
    size: 9.0,
    anchor: "end",
};
pub(crate) const PLAIN: Set = Set {
    class: "text",
    size: 11.0,
    anchor: "start",
};

impl Sheet {
    pub fn new(time: Option<&Timeline>) -> Sheet {
        let mut marks = Vec::new();
        let mut step_s = 1.0;
        if let Some(time) = time {
            let first = time.first_s();
            let seconds = ticks(first, first + time.length_s(), 9.0);
            if let [one, other, ..] = seconds[..] {
                step_s = other - one;
            }
            let place = |&second: &f64| (second, (second - first) / time.length_s() * PLOT);
            marks = seconds.iter().map(place).collect();
        }
        Sheet {
            body: String::new(),
            y: 0.0,
            marks,
            step_s,
        }
    }

    /// Writes a text, of which at most `most` characters are shown.
    pub fn text(&mut self, x: f64, y: f64, set: Set, text: &str, most: usize) {
        let Set {
            class,
            size,
            anchor,
        } = set;
        let text = escaped(text, most);
        let _ = writeln!(
            self.body,
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" font-size="{size}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    /// Writes the heading of a section and goes on below it.
    pub fn heading(&mut self, text: &str) {
        self.y += 24.0;
        let set = Set {
            class: "text",
            size: 12.0,
            ..PLAIN
        };
        self.text(MARGIN, self.y, set, text, 140);
        self.y += 8.0;
    }

    /// Draws a line, whose class says what it is.
    pub fn line(&mut self, path: &PathData, class: &str, width: f64, more: &str) {
        if !path.is_empty() {
            let _ = writeln!(
                self.body,
                r#"<path class="{class}-line" stroke-width="{width}"{more} d="{}"/>"#,
                path.data()
            );
        }
    }

    /// Draws a filled shape.
    pub fn shape(&mut self, path: &PathData, class: &str, more: &str) {
        if !path.is_empty() {
            let _ = writeln!(
                self.body,
                r#"<path class="{class}"{more} d="{}"/>"#,
                path.data()
            );
        }
    }

    /// Opens a group of a class.
    pub fn open(&mut self, class: &str) {
        let _ = writeln!(self.body, r#"<g class="{class}">"#);
    }

    pub fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// Draws the lines of the axis of time across what is `height` high from here.
    pub fn time_grid(&mut self, height: f64) {
        let mut path = PathData::default();
        for &(_, x) in &self.marks {
            path.begin(LEFT + x, self.y);
            path.go(LEFT + x, self.y + height);
        }
        self.line(&path, "grid", 0.6, "");
    }

    /// Writes the numbers of the axis of time.
    pub fn time_axis(&mut self) {
        self.y += 12.0;
        let middle = Set {
            anchor: "middle",
            ..AXIS
        };
        for (second, x) in self.marks.clone() {
            let text = tick_text(second, self.step_s);
            self.text(LEFT + x, self.y, middle, &text, 24);
        }
        let set = Set {
            anchor: "start",
            ..AXIS
        };
        self.text(MARGIN, self.y, set, "time of the robot [s]", 40);
    }

    /// Draws horizontal lines across a chart that is `height` high from here, at the places of `marks`, with
    /// their texts.
    pub fn value_grid(&mut self, height: f64, marks: &[(f64, String)]) {
        let mut path = PathData::default();
        for (place, text) in marks {
            let y = self.y + (1.0 - place) * height;
            path.begin(LEFT, y);
            path.go(LEFT + PLOT, y);
            self.text(LEFT - 6.0, y + 3.0, AXIS, text, 12);
        }
        self.line(&path, "grid", 0.6, "");
    }

    /// Returns the page.
    pub fn finish(self, style: &str, title: &str, description: &str) -> String {
        let height = (self.y + 16.0).ceil();
        let (title, description) = (escaped(title, 200), escaped(description, 400));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title description" font-family="system-ui,'Segoe UI','DejaVu Sans',sans-serif">
<title id="title">{title}</title>
<desc id="description">{description}</desc>
{style}
<rect class="ground" width="{WIDTH}" height="{height}"/>
{body}</svg>
"#,
            body = self.body
        )
    }
}
