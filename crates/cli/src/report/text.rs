//! Numbers as readers like them: three significant digits, real minus signs, powers of ten.

/// What stands where there is no finite number.
pub const ABSENT: &str = "–";

/// A measured number with three significant digits.
pub fn number(value: f64) -> String {
    significant(value, 3)
}

/// A number with `digits` significant digits; powers of ten outside 0.001 … 99,999.
pub fn significant(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return ABSENT.into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-3..5).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        return minus(format!("{value:.decimals$}"));
    }
    minus(format!("{mantissa}×10{}", superscript(exponent)))
}

/// A number as it was typed: the shortest decimal that reads back the same.
pub fn typed(value: f64) -> String {
    if !value.is_finite() {
        return ABSENT.into();
    }
    if value != 0.0 && !(1e-4..1e6).contains(&value.abs()) {
        return significant(value, 3);
    }
    minus(format!("{value}"))
}

/// A share as a percentage.
pub fn percent(share: f64) -> String {
    if !share.is_finite() {
        return ABSENT.into();
    }
    let value = 100.0 * share;
    let decimals = if value == 0.0 || (10.0..=90.0).contains(&value) || value == 100.0 { 0 } else { 1 };
    minus(format!("{value:.decimals$} %"))
}

/// "1 update", "2 updates".
pub fn counted(number: usize, what: &str) -> String {
    format!("{} {what}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// A count with thin spaces between groups of three digits.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A duration in the unit that suits it.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => ABSENT.into(),
        s if s < 1.0 => format!("{} ms", significant(1e3 * s, 3)),
        s if s < 120.0 => format!("{} s", significant(s, 3)),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// An integer in superscript digits.
pub fn superscript(value: i32) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    map_digits(value, '⁻', &DIGITS)
}

fn map_digits(value: i32, sign: char, digits: &[char; 10]) -> String {
    let text = value.to_string();
    text.chars().map(|c| c.to_digit(10).map_or(sign, |d| digits[d as usize])).collect()
}

/// A sentence with real minus signs, and per cent signs that stay with their numbers.
pub fn typeset(sentence: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    let mut rest = sentence.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        out.push(match c {
            '-' if next.is_ascii_digit() && matches!(before, ' ' | '(' | '=') => '−',
            ' ' if next == '%' => '\u{a0}',
            other => other,
        });
        before = c;
    }
    out
}

/// `text` cut to at most `at_most` characters.
pub fn clipped(text: &str, at_most: usize) -> String {
    if text.chars().count() <= at_most {
        return text.to_string();
    }
    text.chars().take(at_most.saturating_sub(1)).chain(['…']).collect()
}

/// Replaces the hyphen by a minus sign, and "-0.00" by zero.
pub fn minus(text: String) -> String {
    let Some(rest) = text.strip_prefix('-') else { return text };
    let zero = rest.chars().all(|c| matches!(c, '0' | '.' | ' ' | '%'));
    if zero { rest.into() } else { format!("−{rest}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(number(0.012345), "0.0123");
        assert_eq!(number(-1.0), "−1.00");
        assert_eq!(number(123456.0), "1.23×10⁵");
        assert_eq!(number(-4.5e-12), "−4.50×10⁻¹²");
        assert_eq!(number(9999.7), "10000");
        assert_eq!(number(f64::NAN), ABSENT);
        assert_eq!(number(f64::NEG_INFINITY), ABSENT);
    }

    #[test]
    fn typed_numbers_stay_short() {
        assert_eq!(typed(0.1), "0.1");
        assert_eq!(typed(2.0), "2");
        assert_eq!(typed(1e-9), "1.00×10⁻⁹");
    }

    #[test]
    fn counts_and_percentages() {
        assert_eq!(count(1_000_000), "1\u{202f}000\u{202f}000");
        assert_eq!(count(1000), "1000");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.034), "3.4 %");
        assert_eq!(percent(0.5), "50 %");
        assert_eq!(clipped("moons-otcfm", 6), "moons…");
        assert_eq!(typeset("a-1 is -4.2 (5 %, -1)"), "a-1 is −4.2 (5\u{a0}%, −1)");
        assert_eq!(minus("-0.00".into()), "0.00");
    }
}
