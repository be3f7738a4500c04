//! Figures: panels of marks with axes, drawn as SVG; legends and captions around them.

mod frame;
mod mark;
mod panel;
mod scale;
mod sheet;

pub use mark::{Mark, Point};
pub use panel::{Axis, Height, Panel};
pub use scale::{Scale, range};
pub use sheet::{Figure, Key, Swatch};
