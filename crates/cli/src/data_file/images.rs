//! A folder of `.png` images of one size; folders inside it are classes. An alpha channel that is opaque everywhere is
//! left out.

use super::{Array, checked_len, malformed, unfit};
use crate::failure::{Failure, Result};
use png::{BitDepth, ColorType, Transformations};
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Images with their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Images {
    /// `[n, channels, height, width]`, 0 to 255, or to 65535 for images of 16 bits a channel.
    pub array: Array,
    /// What the images show, where the folder has folders.
    pub classes: Option<ImageClasses>,
}

/// The classes of images: the folders they are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageClasses {
    /// Index of every image's class `[n]`.
    pub labels: Vec<u32>,
    /// Names of the classes in the order of their labels: by number where all are whole numbers, else by text.
    pub names: Vec<String>,
}

/// Reads all images of a folder, in the order of their classes and of their names.
///
/// # Errors
/// No image, images of several sizes or depths, transparent ones, a damaged file, files beside folders of classes, a class
/// without images.
pub fn images(folder: &Path) -> Result<Images> {
    let Listing { files, classes } = list(folder)?;
    let first = &files[0];
    let Decoded { shape, most, .. } = decode(first)?;
    let length = checked_len(&folder.display().to_string(), &[&[files.len()], &shape[..]].concat())?;
    let mut values = Vec::with_capacity(length);
    for file in &files {
        let own = decode(file)?;
        let other = |expected: &str, got: String, remedy: &str| {
            unfit(file, "image", &format!("{expected} like {}", first.display()), got, remedy)
        };
        if own.shape != shape {
            let expected = format!("an image of shape {shape:?} (channels, height, width)");
            let remedy = "Bring all images to one size and colour";
            return Err(other(&expected, format!("{:?}", own.shape), remedy));
        }
        if own.most != most {
            let numbers =
                |most: u16| format!("numbers from 0 to {most}, {} bits a channel", most.count_ones());
            let remedy = "Bring all images to one depth: magick OLD.png -depth 8 NEW.png";
            return Err(other(&numbers(most), numbers(own.most), remedy));
        }
        values.extend(own.pixels);
    }
    let type_range = Some([0.0, f64::from(most)]);
    let array = Array { shape: [&[files.len()], &shape[..]].concat(), values, type_range };
    Ok(Images { array, classes })
}

/// The images of a folder, in the order in which they are read.
///
/// # Errors
/// Those of [`images`] that show without reading any.
pub fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(list(folder)?.files)
}

/// What is in a folder of images: one at least.
struct Listing {
    files: Vec<PathBuf>,
    classes: Option<ImageClasses>,
}

fn list(folder: &Path) -> Result<Listing> {
    let [mut files, mut folders] = contents(folder)?;
    if !files.is_empty() && !folders.is_empty() {
        let got = format!("{} images beside {} folders", files.len(), folders.len());
        let remedy = "Move the images into folders of their classes, or take the folders away";
        return Err(unfit(folder, "folder of images", "images, or one folder a class", got, remedy));
    }
    if files.is_empty() && folders.is_empty() {
        let remedy = "Name a folder of PNG images, or one with a folder of them for every class";
        let expected = "files whose names end in .png";
        return Err(unfit(folder, "folder of images", expected, "none".into(), remedy));
    }
    if folders.is_empty() {
        return Ok(Listing { files, classes: None });
    }
    sort_classes(&mut folders);
    let mut labels = Vec::new();
    for (class, folder) in folders.iter().enumerate() {
        let [images, _] = contents(folder)?;
        if images.is_empty() {
            let expected = "a class with files whose names end in .png";
            let remedy = "Put the images of the class there, or take the folder away";
            return Err(unfit(folder, "folder of a class", expected, "none".into(), remedy));
        }
        labels.resize(labels.len() + images.len(), class as u32);
        files.extend(images);
    }
    let names = folders.iter().map(|folder| name_of(folder)).collect();
    Ok(Listing { files, classes: Some(ImageClasses { labels, names }) })
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Brings folders in the order of their names to that of the numbers which these are, if all are whole.
fn sort_classes(folders: &mut [PathBuf]) {
    let number = |folder: &PathBuf| name_of(folder).parse::<i128>().ok();
    if folders.iter().all(|folder| number(folder).is_some()) {
        folders.sort_by_key(number);
    }
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

/// An image without its alpha channel.
struct Decoded {
    /// Channels, height and width.
    shape: [usize; 3],
    /// The largest number that a pixel can have, and an opaque alpha has: 255, or 65535 for 16 bits a channel.
    most: u16,
    /// In the order of the shape.
    pixels: Vec<f64>,
}

/// Reads an image, whose alpha channel must be opaque.
fn decode(file: &Path) -> Result<Decoded> {
    let damaged =
        |error: png::DecodingError| malformed(file, "image", "an intact PNG file", error.to_string());
    let open = std::fs::File::open(file).map_err(Failure::reading(file))?;
    let mut decoder = png::Decoder::new(BufReader::new(open));
    decoder.set_transformations(Transformations::EXPAND);
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
    let wide = frame.bit_depth == BitDepth::Sixteen;
    let most = if wide { u16::MAX } else { u8::MAX.into() };
    let sample = |place: usize, channel: usize| match place * samples + channel {
        index if wide => u16::from_be_bytes([bytes[2 * index], bytes[2 * index + 1]]),
        index => bytes[index].into(),
    };
    let see_through =
        (channels < samples).then(|| (0..width * height).find(|&place| sample(place, channels) < most));
    if let Some(place) = see_through.flatten() {
        let expected = "grey or RGB without transparency";
        let (row, column) = (place / width, place % width);
        let got = format!("alpha {} of {most} in row {row}, column {column}", sample(place, channels));
        let remedy = "Flatten it onto a background: magick OLD.png -background white -flatten NEW.png";
        return Err(unfit(file, "image", expected, got, remedy));
    }
    let places = (0..channels).flat_map(|c| (0..width * height).map(move |place| (place, c)));
    let pixels = places.map(|(place, channel)| f64::from(sample(place, channel))).collect();
    Ok(Decoded { shape: [channels, height, width], most, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, [width, height]: [u32; 2], color: ColorType, pixels: &[u8]) {
        let file = std::fs::File::create(path).unwrap();
        let mut encoder = png::Encoder::new(file, width, height);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Eight);
        encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    }

    fn write_wide(path: &Path, [width, height]: [u32; 2], color: ColorType, pixels: &[u16]) {
        let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width, height);
        encoder.set_color(color);
        encoder.set_depth(BitDepth::Sixteen);
        let bytes: Vec<u8> = pixels.iter().flat_map(|pixel| pixel.to_be_bytes()).collect();
        encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    }

    #[test]
    fn sixteen_bits_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        write_wide(&folder.path().join("a.png"), [2, 1], ColorType::Grayscale, &[1, 65535]);
        write_wide(
            &folder.path().join("b.png"),
            [2, 1],
            ColorType::GrayscaleAlpha,
            &[256, 65535, 258, 65535],
        );
        let Images { array, .. } = images(folder.path()).unwrap();
        assert_eq!(array.type_range, Some([0.0, 65535.0]));
        assert_eq!((array.shape, array.values), (vec![2, 1, 1, 2], vec![1.0, 65535.0, 256.0, 258.0]));
        write_wide(&folder.path().join("b.png"), [1, 1], ColorType::Rgba, &[1, 258, 515, 65535]);
        let Images { array, .. } = images_of_only(&folder.path().join("b.png"));
        assert_eq!((array.shape, array.values), (vec![1, 3, 1, 1], vec![1.0, 258.0, 515.0]));
        // Of 8 bits it would be opaque.
        write_wide(&folder.path().join("b.png"), [2, 1], ColorType::GrayscaleAlpha, &[0, 65535, 0, 65534]);
        let text = images(folder.path()).unwrap_err().to_string();
        assert!(text.contains("alpha 65534 of 65535 in row 0, column 1"), "{text}");
    }

    /// The images of a folder with this one alone.
    fn images_of_only(image: &Path) -> Images {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(image, folder.path().join("only.png")).unwrap();
        images(folder.path()).unwrap()
    }

    #[test]
    fn depths_do_not_mix() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("a.png"), [1, 1], ColorType::Grayscale, &[7]);
        write_wide(&folder.path().join("b.png"), [1, 1], ColorType::Grayscale, &[7]);
        let text = images(folder.path()).unwrap_err().to_string();
        for words in ["b.png: image", "0 to 255, 8 bits", "a.png", "0 to 65535, 16 bits", "one depth"] {
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn channels_come_first_and_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("b.png"), [2, 1], ColorType::Rgb, &[7, 8, 9, 10, 11, 12]);
        write(&folder.path().join("a.PNG"), [2, 1], ColorType::Rgb, &[1, 2, 3, 4, 5, 6]);
        std::fs::write(folder.path().join("notes.txt"), "no image").unwrap();
        let Images { array, classes } = images(folder.path()).unwrap();
        assert_eq!((array.shape, classes), (vec![2, 3, 1, 2], None));
        assert_eq!(array.type_range, Some([0.0, 255.0]));
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
            encoder.set_depth(BitDepth::Eight);
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
        let Images { array, classes } = images(folder.path()).unwrap();
        let names = ["one", "two"].map(String::from).to_vec();
        assert_eq!(
            (array.values, classes),
            (vec![6.0, 7.0, 5.0], Some(ImageClasses { labels: vec![0, 1, 1], names }))
        );
        std::fs::create_dir(folder.path().join("three")).unwrap();
        let text = images(folder.path()).unwrap_err().to_string();
        assert!(text.contains("three: folder of a class") && text.contains("got none"), "{text}");
    }

    #[test]
    fn classes_are_in_the_order_of_their_numbers() {
        for (names, sorted) in [
            (&["10", "2", "-1", "1"][..], &["-1", "1", "2", "10"][..]),
            (&["10", "2", "one"], &["10", "2", "one"]),
            (&["01", "1", "0"], &["0", "01", "1"]),
            (
                &["10", "9", "99999999999999999999999999999999999999999999"],
                &["10", "9", "99999999999999999999999999999999999999999999"],
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                std::fs::create_dir(folder.path().join(name)).unwrap();
                write(
                    &folder.path().join(name).join("x.png"),
                    [1, 1],
                    ColorType::Grayscale,
                    &[names.len() as u8],
                );
            }
            assert_eq!(images(folder.path()).unwrap().classes.unwrap().names, sorted);
        }
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
