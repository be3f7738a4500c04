//! Sizes of memory as they are typed, and what the program holds.

/// Units and their bytes: decimal ones, binary ones, and short ones, which are binary.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("kb", 1000),
    ("mb", 1000 * 1000),
    ("gb", 1000 * 1000 * 1000),
    ("tb", 1000 * 1000 * 1000 * 1000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
];

/// The bytes of a size such as `4GiB`.
///
/// # Errors
/// What is no size above 0.
pub fn parse(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 512MiB, 4GiB or 4GB".to_string();
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let unit = unit.trim().to_lowercase();
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(expected)?;
    let size = match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(*bytes),
        // Fractions are rounded down to bytes.
        Err(_) => Some(number.parse::<f64>().map_err(|_| expected())? * *bytes as f64)
            .filter(|size| *size < u64::MAX as f64)
            .map(|size| size as u64),
    };
    match size {
        None => Err("expected fewer bytes than 64 bits can count".into()),
        Some(0) => Err("expected more than 0 bytes".into()),
        Some(size) => Ok(size),
    }
}

/// Bytes that the program holds at present; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_read_with_their_units() {
        let cases = [
            ("4GiB", 4 << 30),
            ("4 gib", 4 << 30),
            ("4G", 4 << 30),
            ("4GB", 4_000_000_000),
            ("1.5MiB", 3 << 19),
            ("0.5k", 512),
            ("1000", 1000),
            ("7B", 7),
            ("2TiB", 2 << 40),
            (" 1kB ", 1000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "GiB", "four", "4 parsecs", "-1GiB", "1e9", "1.2.3MiB", "0", "0.0GiB", "0.1B", "NaN"]
        {
            assert!(parse(text).unwrap_err().contains("expected"), "{text}");
        }
        for text in ["99999999999TiB", "99999999999999999999", "1e999"] {
            assert!(parse(text).unwrap_err().contains("expected"), "{text}");
        }
    }
}
