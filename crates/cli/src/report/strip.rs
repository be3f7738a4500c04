//! Samples that are images, side by side in one picture.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use surefoot::Error;

/// How a sample of D numbers is an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageShape {
    channels: usize,
    height: usize,
    width: usize,
}

impl ImageShape {
    /// Shapes of two axes (height, width) or three (channels, height, width) whose sides lie between 2 and 1024.
    pub fn of(shape: &[usize]) -> Option<ImageShape> {
        let [channels, height, width] = match *shape {
            [height, width] => [1, height, width],
            [channels, height, width] => [channels, height, width],
            _ => return None,
        };
        let sides = 2..=1024;
        (channels > 0 && sides.contains(&height) && sides.contains(&width)).then_some(ImageShape {
            channels,
            height,
            width,
        })
    }

    /// Pixels across `count` images side by side.
    pub fn across(&self, count: usize) -> usize {
        (count * (self.width + 1)).saturating_sub(1)
    }

    /// "28 × 28 pixels".
    pub fn describe(&self) -> String {
        format!("{} × {} pixels", self.height, self.width)
    }

    /// Three channels are red, green and blue; of any other number the first is drawn.
    fn drawn(&self) -> usize {
        if self.channels == 3 { 3 } else { 1 }
    }

    /// Images one pixel apart, their values shown from `low` (black) to `high` (white), as an address that holds them.
    ///
    /// # Errors
    /// When the picture cannot be encoded.
    pub fn strip(&self, images: &[&[f64]], [low, high]: [f64; 2]) -> Result<String, Error> {
        let (across, drawn) = (self.across(images.len()), self.drawn());
        let mut pixels = vec![255u8; self.height * across * drawn];
        for (place, image) in images.iter().enumerate() {
            for channel in 0..drawn {
                let plane = &image[channel * self.height * self.width..][..self.height * self.width];
                for (y, row) in plane.chunks_exact(self.width).enumerate() {
                    for (x, value) in row.iter().enumerate() {
                        let shade = 255.0 * ((value - low) / (high - low)).clamp(0.0, 1.0);
                        let at = y * across + place * (self.width + 1) + x;
                        pixels[at * drawn + channel] = shade.round() as u8;
                    }
                }
            }
        }
        let color = if drawn == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale };
        let png = encode([across, self.height], color, &pixels).map_err(|error| {
            Error::invalid(
                "drawing images",
                "a picture that can be encoded",
                error.to_string(),
                "Report this",
            )
        })?;
        Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
    }
}

/// A PNG of 8 bits a channel.
///
/// # Errors
/// When it cannot be encoded.
pub fn encode(
    [width, height]: [usize; 2],
    color: png::ColorType,
    pixels: &[u8],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(url: &str) -> (u32, u32, Vec<u8>) {
        let bytes = STANDARD.decode(url.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        (frame.width, frame.height, pixels)
    }

    #[test]
    fn grey_images_stand_side_by_side() {
        let shape = ImageShape::of(&[1, 2, 2]).unwrap();
        let url = shape.strip(&[&[-1.0, 0.0, 1.0, 2.0], &[1.0; 4]], [-1.0, 1.0]).unwrap();
        assert_eq!(decoded(&url), (5, 2, vec![0, 128, 255, 255, 255, 255, 255, 255, 255, 255]));
    }

    #[test]
    fn three_channels_are_colours() {
        let shape = ImageShape::of(&[3, 2, 2]).unwrap();
        let image: Vec<f64> = (0..12).map(f64::from).collect();
        let (width, height, pixels) = decoded(&shape.strip(&[&image], [0.0, 255.0]).unwrap());
        assert_eq!((width, height, &pixels[..6]), (2, 2, &[0, 4, 8, 1, 5, 9][..]));
    }

    #[test]
    fn what_is_no_image_is_none() {
        for shape in [&[4][..], &[], &[1, 1, 8], &[0, 4, 4], &[1, 2, 3, 4], &[1, 2000, 4]] {
            assert_eq!(ImageShape::of(shape), None, "{shape:?}");
        }
        assert!(ImageShape::of(&[28, 28]).is_some());
    }
}
