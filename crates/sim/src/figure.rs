//! Figures as SVG, by hand: lines and points on two axes are all that is needed, and a library for charts would be
//! some twenty crates for it. Equal data gives equal bytes.

use std::fmt::Write as _;

/// Points under one name.
#[derive(Debug, Clone)]
pub struct Series {
    /// What the key calls it.
    pub name: String,
    /// In the units of the axes.
    pub points: Vec<(f64, f64)>,
    /// Dots where true, else a line.
    pub dots: bool,
}

/// A figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Above it.
    pub title: String,
    /// Under the horizontal axis, with the unit.
    pub across: String,
    /// Beside the vertical one, with the unit.
    pub up: String,
    /// What is drawn, in order.
    pub series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 48.0;
/// Told apart by those who see no red or green as well (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];
/// The most points of a line: more are not seen.
const POINTS_MAX: usize = 400;

impl Figure {
    /// As a file.
    pub fn svg(&self) -> String {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let across = Axis::of(all().map(|point| point.0), WIDTH - LEFT - RIGHT);
        let up = Axis::of(all().map(|point| point.1), HEIGHT - TOP - BOTTOM);
        let x = |value: f64| LEFT + across.place(value);
        let y = |value: f64| HEIGHT - BOTTOM - up.place(value);
        let mut svg = String::new();
        let mut line = |text: String| {
            svg.push_str(&text);
            svg.push('\n');
        };
        line(format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
        ));
        line(format!(
            r##"<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>"##
        ));
        line(format!(
            r#"<text x="{LEFT}" y="20" font-size="15">{}</text>"#,
            escaped(&self.title)
        ));
        for tick in across.ticks() {
            let x = x(tick);
            let (bottom, text) = (HEIGHT - BOTTOM, HEIGHT - BOTTOM + 16.0);
            line(format!(
                r##"<path d="M{x:.1} {TOP}V{bottom}" stroke="#e5e5e5"/>"##
            ));
            line(format!(
                r#"<text x="{x:.1}" y="{text}" text-anchor="middle">{}</text>"#,
                short(tick)
            ));
        }
        for tick in up.ticks() {
            let y = y(tick);
            let right = WIDTH - RIGHT;
            line(format!(
                r##"<path d="M{LEFT} {y:.1}H{right}" stroke="#e5e5e5"/>"##
            ));
            let (x, y) = (LEFT - 6.0, y + 4.0);
            line(format!(
                r#"<text x="{x}" y="{y:.1}" text-anchor="end">{}</text>"#,
                short(tick)
            ));
        }
        let (middle, low) = ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0);
        line(format!(
            r#"<text x="{middle}" y="{low}" text-anchor="middle">{}</text>"#,
            escaped(&self.across)
        ));
        let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
        line(format!(
            r#"<text transform="translate(14 {middle}) rotate(-90)" text-anchor="middle">{}</text>"#,
            escaped(&self.up)
        ));
        let mut key = LEFT;
        for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            line(drawn(series, colour, &x, &y));
            line(format!(
                r#"<rect x="{key:.1}" y="32" width="10" height="10" fill="{colour}"/>"#
            ));
            let text = key + 15.0;
            line(format!(
                r#"<text x="{text:.1}" y="41">{}</text>"#,
                escaped(&series.name)
            ));
            key += 32.0 + 6.5 * series.name.chars().count() as f64;
        }
        line("</svg>".to_owned());
        svg
    }
}

fn drawn(series: &Series, colour: &str, x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    if series.dots {
        for point in &series.points {
            let (x, y) = (x(point.0), y(point.1));
            let _ = write!(
                text,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}" fill-opacity="0.7"/>"#
            );
        }
        return text;
    }
    let step = series.points.len().div_ceil(POINTS_MAX).max(1);
    let last = series.points.len().saturating_sub(1);
    for (place, point) in series.points.iter().enumerate() {
        if place % step == 0 || place == last {
            let command = if place == 0 { 'M' } else { 'L' };
            let _ = write!(text, "{command}{:.1} {:.1}", x(point.0), y(point.1));
        }
    }
    format!(r#"<path d="{text}" fill="none" stroke="{colour}" stroke-width="1.8"/>"#)
}

/// An axis with round numbers.
struct Axis {
    from: f64,
    to: f64,
    step: f64,
    length: f64,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, length: f64) -> Self {
        const TICKS: f64 = 6.0;
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let span = if high > low {
            high - low
        } else {
            high.abs().max(1.0)
        };
        let power = 10_f64.powi((span / TICKS).log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| span / step <= TICKS)
            .unwrap_or(span);
        Self {
            from: (low / step).floor() * step,
            to: (high / step).ceil().max((low / step).floor() + 1.0) * step,
            step,
            length,
        }
    }

    fn place(&self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from) * self.length
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.to - self.from) / self.step).round() as usize;
        let (from, step) = (self.from, self.step);
        (0..=count).map(move |tick| from + tick as f64 * step)
    }
}

fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
