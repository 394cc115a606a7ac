//! Numbers of bytes, as people write and read them.

/// Bytes from `512M`, `2G`, `1.5GiB` or plain digits; the prefixes are powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err("write it as 800000000, 512M, 2G or 1.5G".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "write it as 512M or 2G".to_owned())?;
    match (number * 1024f64.powi(power)) as u64 {
        0 => Err("must be more than nothing".to_owned()),
        bytes => Ok(bytes),
    }
}

/// A number of bytes for a person.
pub(crate) fn human(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let power = (bytes.ilog2() as usize / 10).min(UNITS.len());
    let size = bytes as f64 / 1024f64.powi(power as i32);
    let unit = UNITS[power - 1];
    if size < 10.0 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("800"), Ok(800));
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size(" 1.5 GiB "), Ok(3 << 29));
        assert_eq!(size("2g"), Ok(2 << 30));
        for wrong in ["", "M", "1.2.3", "-1", "5Q", "0", "NaN", "0.1"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_for_people() {
        assert_eq!(human(1000), "1000 bytes");
        assert_eq!(human(1536), "1.5 KiB");
        assert_eq!(human(3 << 30), "3.0 GiB");
        assert_eq!(human(700 << 20), "700 MiB");
        assert_eq!(human(u64::MAX), "16777216 TiB");
    }
}
