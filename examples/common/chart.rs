//! Line charts as SVG.

use std::{error::Error, ops::Range};

use plotters::element::DashedPathElement;
use plotters::prelude::*;

pub struct Chart {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub x: Range<f64>,
    /// What lies outside is not drawn.
    pub y: Range<f64>,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub label: String,
    pub points: Vec<(f64, f64)>,
    pub color: RGBColor,
    pub dashed: bool,
}

/// Colours that the colour-blind can tell apart (Okabe and Ito, 2008).
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
pub const VERMILION: RGBColor = RGBColor(213, 94, 0);

const SIZE: (u32, u32) = (1200, 750);
const GREY: RGBColor = RGBColor(80, 80, 80);
const DASH: u32 = 8;
const GAP: u32 = 6;
const FONT: &str = "Helvetica, Arial, sans-serif";

impl Chart {
    /// The file's text. The legend is in the lower right corner.
    pub fn svg(&self) -> Result<String, Box<dyn Error>> {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, (FONT, 34))
            .margin(24)
            .margin_right(48)
            .x_label_area_size(70)
            .y_label_area_size(90)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .label_style((FONT, 24))
            .axis_desc_style((FONT, 28))
            .x_label_formatter(&|x| x.to_string())
            .y_label_formatter(&|y| y.to_string())
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .draw()?;

        for line in &self.lines {
            let points = line.points.iter().copied().filter(|(_, y)| self.y.contains(y));
            let (style, dashed) = (line.color.stroke_width(3), line.dashed);
            let drawn = if dashed {
                chart.draw_series(DashedLineSeries::new(points, DASH, GAP, style))?
            } else {
                chart.draw_series(LineSeries::new(points, style))?
            };
            drawn.label(&line.label).legend(move |(x, y)| {
                let sample = [(x, y), (x + 40, y)];
                if dashed {
                    DashedPathElement::new(sample, DASH, GAP, style).into_dyn()
                } else {
                    PathElement::new(sample, style).into_dyn()
                }
            });
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .margin(20)
            .legend_area_size(50)
            .label_font((FONT, 24))
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
        drop((chart, area)); // they borrow the text
        Ok(svg)
    }
}
