//! A folder of `.png` images of one size; folders inside it are classes. An alpha channel that is opaque everywhere is
//! left out.

use super::{Array, checked_len, malformed, unfit};
use crate::failure::{Failure, Result};
use png::{ColorType, Transformations};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Images with their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// `[n, channels, height, width]`, 0 to 255.
    pub array: Array,
    /// Index of every image's class `[n]`, where the folder has folders.
    pub labels: Option<Vec<u32>>,
}

/// Reads all images of a folder, in the order of their names.
///
/// # Errors
/// No image, images of several sizes, transparent ones, a damaged file, files beside folders of classes.
pub fn images(folder: &Path) -> Result<Images> {
    let [files, folders] = contents(folder)?;
    if !files.is_empty() && !folders.is_empty() {
        let got = format!("{} images beside {} folders", files.len(), folders.len());
        let remedy = "Move the images into folders of their classes, or take the folders away";
        return Err(unfit(folder, "folder of images", "images, or one folder a class", got, remedy));
    }
    let (mut list, mut labels) = (files, Vec::new());
    for (class, folder) in folders.iter().enumerate() {
        let [images, _] = contents(folder)?;
        labels.resize(labels.len() + images.len(), class as u32);
        list.extend(images);
    }
    let first = list.first().ok_or_else(|| {
        let remedy = "Name a folder of PNG images, or one with a folder of them for every class";
        unfit(folder, "folder of images", "files whose names end in .png", "none".into(), remedy)
    })?;
    let shape = decode(first)?.0;
    let length = checked_len(&folder.display().to_string(), &[&[list.len()], &shape[..]].concat())?;
    let mut values = Vec::with_capacity(length);
    for file in &list {
        let (own, pixels) = decode(file)?;
        if own != shape {
            let expected =
                format!("an image of shape {shape:?} (channels, height, width) like {}", first.display());
            return Err(unfit(
                file,
                "image",
                &expected,
                format!("{own:?}"),
                "Bring all images to one size and colour",
            ));
        }
        values.extend(pixels);
    }
    let array = Array { shape: [&[list.len()], &shape[..]].concat(), values, type_range: Some([0.0, 255.0]) };
    Ok(Images { array, labels: (!folders.is_empty()).then_some(labels) })
}

/// The images and the folders in a folder, each in the order of their names.
fn contents(folder: &Path) -> Result<[Vec<PathBuf>; 2]> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(Failure::reading(folder))? {
        let path = entry.map_err(Failure::reading(folder))?.path();
        if path.is_dir() {
            folders.push(path);
        } else if path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png")) {
            files.push(path);
        }
    }
    files.sort();
    folders.sort();
    Ok([files, folders])
}

/// The alpha of a pixel that hides its background.
const OPAQUE: u8 = u8::MAX;

/// Channels, height and width, and the pixels in that order; without the alpha channel, which must be opaque.
fn decode(file: &Path) -> Result<([usize; 3], Vec<f64>)> {
    let damaged =
        |error: png::DecodingError| malformed(file, "image", "an intact PNG file", error.to_string());
    let open = std::fs::File::open(file).map_err(Failure::reading(file))?;
    let mut decoder = png::Decoder::new(BufReader::new(open));
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let size = reader.output_buffer_size().filter(|&bytes| bytes <= 1 << 28).ok_or_else(|| {
        let got = format!("{width} by {height} pixels");
        unfit(file, "image", "at most 2^28 bytes of pixels", got, "Take smaller images")
    })?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(damaged)?;
    let samples = frame.color_type.samples();
    let channels = match frame.color_type {
        ColorType::GrayscaleAlpha | ColorType::Rgba => samples - 1,
        ColorType::Grayscale | ColorType::Rgb | ColorType::Indexed => samples,
    };
    let alpha = |place: usize| bytes[place * samples + channels];
    let see_through = (channels < samples).then(|| (0..width * height).find(|&place| alpha(place) < OPAQUE));
    if let Some(place) = see_through.flatten() {
        let expected = "grey or RGB without transparency";
        let (row, column) = (place / width, place % width);
        let got = format!("alpha {} of {OPAQUE} in row {row}, column {column}", alpha(place));
        let remedy = "Flatten it onto a background: magick OLD.png -background white -flatten NEW.png";
        return Err(unfit(file, "image", expected, got, remedy));
    }
    let pixel = |channel: usize, place: usize| f64::from(bytes[place * samples + channel]);
    let pixels = (0..channels)
        .flat_map(|c| (0..width * height).map(move |place| (c, place)))
        .map(|(c, p)| pixel(c, p));
    Ok(([channels, height, width], pixels.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, [width, height]: [u32; 2], color: ColorType, pixels: &[u8]) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(color);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    }

    #[test]
    fn channels_come_first_and_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b.png"), [2, 1], ColorType::Rgb, &[7, 8, 9, 10, 11, 12]);
        write(&folder.path().join("a.PNG"), [2, 1], ColorType::Rgb, &[1, 2, 3, 4, 5, 6]);
        std::fs::write(folder.path().join("notes.txt"), "no image").unwrap();
        let Images { array, labels } = images(folder.path()).unwrap();
        assert_eq!((array.shape, labels), (vec![2, 3, 1, 2], None));
        assert_eq!(array.values, [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12].map(f64::from));
    }

    #[test]
    fn an_opaque_alpha_channel_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write(&path, [2, 1], ColorType::Rgba, &[1, 2, 3, 255, 4, 5, 6, 255]);
        write(&folder.path().join("b.png"), [2, 1], ColorType::Rgb, &[7, 8, 9, 10, 11, 12]);
        let Images { array, .. } = images(folder.path()).unwrap();
        assert_eq!(array.shape, [2, 3, 1, 2]);
        assert_eq!(array.values, [1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12].map(f64::from));
        write(&path, [2, 1], ColorType::Rgba, &[1, 2, 3, 255, 4, 5, 6, 254]);
        let text = images(folder.path()).unwrap_err().to_string();
        for words in ["a.png: image", "alpha 254 of 255 in row 0, column 1", "Flatten it onto a background"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn grey_images_and_palettes_may_have_an_opaque_alpha_channel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        write(&path, [1, 2], ColorType::GrayscaleAlpha, &[9, 255, 8, 255]);
        let Images { array, .. } = images(folder.path()).unwrap();
        assert_eq!((array.shape, array.values), (vec![1, 1, 2, 1], vec![9.0, 8.0]));
        for (alpha, accepted) in [([0, 255], false), ([255, 255], true)] {
            let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 1, 2);
            encoder.set_color(ColorType::Indexed);
            encoder.set_depth(png::BitDepth::Eight);
            encoder.set_palette(&[1, 2, 3, 4, 5, 6][..]);
            encoder.set_trns(&alpha[..]);
            encoder.write_header().unwrap().write_image_data(&[1, 0]).unwrap();
            match images(folder.path()) {
                Ok(Images { array, .. }) => {
                    assert!(accepted);
                    assert_eq!(array.values, [4, 1, 5, 2, 6, 3].map(f64::from));
                }
                Err(refused) => assert!(!accepted && refused.to_string().contains("row 1, column 0")),
            }
        }
    }

    #[test]
    fn folders_are_classes() {
        let folder = tempfile::tempdir().unwrap();
        for (class, name, value) in [("two", "x.png", 5), ("one", "y.png", 6), ("two", "a.png", 7)] {
            std::fs::create_dir_all(folder.path().join(class)).unwrap();
            write(&folder.path().join(class).join(name), [1, 1], ColorType::Grayscale, &[value]);
        }
        let Images { array, labels } = images(folder.path()).unwrap();
        assert_eq!((array.values, labels), (vec![6.0, 7.0, 5.0], Some(vec![0, 1, 1])));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = |expected: &str| {
            let text = images(folder.path()).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        };
        message("names end in .png");
        write(&folder.path().join("a.png"), [1, 1], ColorType::Grayscale, &[0]);
        write(&folder.path().join("b.png"), [2, 1], ColorType::Grayscale, &[0, 0]);
        message("b.png");
        std::fs::write(folder.path().join("b.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
        message("an intact PNG file");
        write(&folder.path().join("b.png"), [1, 1], ColorType::Rgba, &[0; 4]);
        message("without transparency");
        std::fs::create_dir(folder.path().join("class")).unwrap();
        message("one folder a class");
    }
}
