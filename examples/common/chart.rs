//! Figures as SVG: panels side by side, each a chart or a grid.

use std::{error::Error, ops::Range};

use ndarray::Array2;
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

/// Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
pub const OCHRE: RGBColor = RGBColor(230, 159, 0);
/// For what serves as a ruler.
pub const GREY: RGBColor = RGBColor(80, 80, 80);

const DASH: u32 = 8;
const GAP: u32 = 6;
const FONT: &str = "Helvetica, Arial, sans-serif";

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What fills a part of a figure.
pub trait Panel {
    fn draw(&self, area: &Area<'_>) -> Result<()>;
}

/// A row of panels of equal width, and the share of the height that it has.
pub type Row<'a> = (u32, &'a [&'a dyn Panel]);

/// The file's text. Its background is white on dark pages too.
pub fn figure(title: &str, size: (u32, u32), rows: &[Row<'_>]) -> Result<String> {
    let mut svg = String::new();
    draw_figure(&SVGBackend::with_string(&mut svg, size).into_drawing_area(), title, rows)?;
    // what a screen reader says
    Ok(svg.replacen('>', &format!(" role=\"img\">\n<title>{title}</title>"), 1))
}

fn draw_figure(area: &Area<'_>, title: &str, rows: &[Row<'_>]) -> Result<()> {
    area.fill(&WHITE)?;
    let mut below = area.margin(16, 0, 0, 0).titled(title, (FONT, 34))?;
    let mut shares: u32 = rows.iter().map(|(share, _)| share).sum();
    for (share, panels) in rows {
        let (row, rest) = below.split_vertically(below.dim_in_pixel().1 * share / shares);
        for (part, panel) in row.split_evenly((1, panels.len())).iter().zip(*panels) {
            panel.draw(part)?;
        }
        (below, shares) = (rest, shares - share);
    }
    Ok(area.present()?)
}

/// A colour between dark blue and ochre, which differ in lightness as well: for an ordered series, `t` from 0 to 1.
pub fn ramp(t: f64) -> RGBColor {
    let mix = |a: u8, b: u8| (f64::from(a) + t * (f64::from(b) - f64::from(a))) as u8;
    RGBColor(mix(0, 230), mix(34, 170), mix(110, 40))
}

/// Lines, bars, or both.
pub struct Chart {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub x: Range<f64>,
    /// What lies outside is not drawn.
    pub y: Range<f64>,
    pub bars: Vec<Bars>,
    pub lines: Vec<Line>,
    pub legend: Option<SeriesLabelPosition>,
}

pub struct Line {
    /// Lines without one are not in the legend.
    pub label: String,
    pub points: Vec<(f64, f64)>,
    pub color: RGBColor,
    pub dashed: bool,
}

/// A histogram.
pub struct Bars {
    pub label: String,
    /// From the least value to the greatest, each with the height above it.
    pub bars: Vec<(Range<f64>, f64)>,
    pub color: RGBColor,
}

impl Bars {
    /// The share of the values, in percent, that lies in each of `count` equal parts of `range`.
    pub fn histogram(label: &str, color: RGBColor, values: &[f32], range: Range<f64>, count: usize) -> Self {
        let width = (range.end - range.start) / count as f64;
        let mut shares = vec![0.0; count];
        for value in values {
            let bar = ((f64::from(*value) - range.start) / width).floor();
            if bar >= 0.0 && (bar as usize) < count {
                shares[bar as usize] += 100.0 / values.len() as f64;
            }
        }
        let left = |i: usize| range.start + i as f64 * width;
        let bars = shares.iter().enumerate().map(|(i, share)| (left(i)..left(i + 1), *share)).collect();
        Self { label: label.into(), bars, color }
    }
}

impl Panel for Chart {
    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let mut builder = ChartBuilder::on(area);
        builder.margin(24).margin_right(48).x_label_area_size(70).y_label_area_size(90);
        if !self.title.is_empty() {
            builder.caption(&self.title, (FONT, 28));
        }
        let mut chart = builder.build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .label_style((FONT, 24))
            .axis_desc_style((FONT, 28))
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .draw()?;

        for Bars { label, bars, color } in &self.bars {
            let (fill, floor, ceiling) = (color.mix(0.5).filled(), self.y.start, self.y.end);
            let rectangles = bars
                .iter()
                .filter(|(_, height)| *height > 0.0)
                .map(|(x, height)| Rectangle::new([(x.start, floor), (x.end, height.min(ceiling))], fill));
            chart
                .draw_series(rectangles)?
                .label(label)
                .legend(move |(x, y)| Rectangle::new([(x, y - 8), (x + 40, y + 8)], fill));
        }
        for line in &self.lines {
            let points = line.points.iter().copied().filter(|(_, y)| self.y.contains(y));
            let (style, dashed) = (line.color.stroke_width(3), line.dashed);
            let drawn = if dashed {
                chart.draw_series(DashedLineSeries::new(points, DASH, GAP, style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            if !line.label.is_empty() {
                drawn.label(&line.label).legend(move |(x, y)| {
                    let sample = [(x, y), (x + 40, y)];
                    if dashed {
                        DashedPathElement::new(sample, DASH, GAP, style).into_dyn()
                    } else {
                        PathElement::new(sample, style).into_dyn()
                    }
                });
            }
        }
        if let Some(position) = &self.legend {
            chart
                .configure_series_labels()
                .position(position.clone())
                .margin(20)
                .legend_area_size(50)
                .label_font((FONT, 24))
                .background_style(WHITE)
                .border_style(BLACK.mix(0.3))
                .draw()?;
        }
        Ok(())
    }
}

/// Cells of a matrix.
pub struct Grid {
    pub title: String,
    pub x_label: String,
    /// Only with it are rows and columns numbered.
    pub y_label: String,
    /// From 0, which is white, to 1; row 0 is at the top.
    pub shades: Array2<f32>,
    pub color: RGBColor,
}

impl Panel for Grid {
    fn draw(&self, area: &Area<'_>) -> Result<()> {
        let mut builder = ChartBuilder::on(area);
        builder.margin(16).caption(&self.title, (FONT, 26));
        let numbers = if self.y_label.is_empty() { 0 } else { 8 };
        if !self.x_label.is_empty() {
            builder.x_label_area_size(if numbers > 0 { 70 } else { 36 });
        }
        if numbers > 0 {
            builder.y_label_area_size(80);
        }
        let (rows, columns) = (self.shades.nrows() as f64, self.shades.ncols() as f64);
        let mut chart = builder.build_cartesian_2d(0.0..columns, rows..0.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .x_labels(numbers)
            .y_labels(numbers)
            .label_style((FONT, 22))
            .axis_style(TRANSPARENT)
            .axis_desc_style((FONT, 24))
            .x_label_formatter(&short)
            .y_label_formatter(&short)
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .draw()?;
        chart.draw_series(self.shades.indexed_iter().filter(|(_, shade)| **shade > 0.0).map(
            |((row, column), shade)| {
                let (x, y) = (column as f64, row as f64);
                Rectangle::new([(x, y), (x + 1.0, y + 1.0)], self.color.mix(f64::from(*shade).min(1.0)).filled())
            },
        ))?;
        let frame = Rectangle::new([(0.0, 0.0), (columns, rows)], BLACK.mix(0.3));
        chart.draw_series([frame])?;
        Ok(())
    }
}

/// Ticks such as 0.30000000000000004 are rounded, and -0 is 0.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the type that plotters wants")]
fn short(value: &f64) -> String {
    ((value * 1e6).round() / 1e6 + 0.0).to_string()
}
