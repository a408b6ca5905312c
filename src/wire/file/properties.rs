//! `java.util.Properties`, as its `load` reads them: only ASCII, so that it is the same to readers of ISO-8859-1 (all
//! before Java 9, and a stream still) and of UTF-8.

use std::fmt::Write;

/// Appends a line. Everything can be said.
pub(super) fn write(text: &mut String, key: &str, value: &str) {
    // A key has no other character that ends one.
    text.push_str(&key.replace(':', r"\:"));
    text.push('=');
    for (at, c) in value.chars().enumerate() {
        match c {
            // Those at the beginning are skipped.
            ' ' if at == 0 => text.push_str(r"\ "),
            '\\' => text.push_str(r"\\"),
            '\n' => text.push_str(r"\n"),
            '\r' => text.push_str(r"\r"),
            '\t' => text.push_str(r"\t"),
            '\x0c' => text.push_str(r"\f"),
            ' '..='~' => text.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::FileFormat::Properties;
    use super::super::tests::file;
    use crate::wire::ValueType::String as Text;

    /// The class documentation of `java.util.Properties.load`, for lines as they are written here.
    fn load(text: &str) -> Vec<(String, String)> {
        fn unescaped(text: &str) -> String {
            let (mut units, mut chars) = (Vec::new(), text.chars());
            while let Some(c) = chars.next() {
                let c = match c {
                    '\\' => match chars.next().expect("a line does not go on in the next") {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'f' => '\x0c',
                        'u' => {
                            let digits: String = chars.by_ref().take(4).collect();
                            units.push(u16::from_str_radix(&digits, 16).expect("four digits"));
                            continue;
                        }
                        other => other,
                    },
                    c => c,
                };
                units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            }
            String::from_utf16(&units).expect("UTF-16")
        }
        let skipped = [' ', '\t', '\x0c'];
        let mut loaded = Vec::new();
        for line in text.split(['\n', '\r']).map(|line| line.trim_start_matches(skipped)) {
            if line.is_empty() || line.starts_with(['#', '!']) {
                continue;
            }
            let mut escaped = false;
            let ends = |c: char| {
                let ends = !escaped && (['=', ':'].contains(&c) || skipped.contains(&c));
                escaped = c == '\\' && !escaped;
                ends
            };
            let end = line.find(ends).unwrap_or(line.len());
            let rest = line[end..].trim_start_matches(skipped);
            let value = rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start_matches(skipped);
            loaded.push((unescaped(&line[..end]), unescaped(value)));
        }
        loaded
    }

    #[test]
    fn what_java_reads_is_what_was_set() {
        let mut values: Vec<String> = (0..=0x17f).filter_map(char::from_u32).map(|c| c.to_string()).collect();
        values.extend((0..128u8).map(|byte| format!("a{0}{0}", char::from(byte))));
        let harder = ["", "  two  ", "= x", ":x", "#x", "!x", "a\\", "\\u0041", "a\\\nb", "ä€😀", "\u{2028}", "${x}"];
        values.extend(harder.map(str::to_owned));
        for key in ["a", "db.url", "a:b", "@x/y~z", ":", "a::b"] {
            let entries: Vec<_> = values.iter().map(|value| (key, Text, value.as_str())).collect();
            let text = file(Properties, &entries).expect("everything can be said");
            assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
            let expected: Vec<_> = values.iter().map(|value| (key.to_owned(), value.clone())).collect();
            assert_eq!(load(&text), expected);
        }
    }

    #[test]
    fn it_looks_like_properties() {
        let entries = [("db.url", Text, "jdbc:x://y?a=b#c"), ("name", Text, " Zoë\n"), ("ns:key", Text, "")];
        expect![[r"
            db.url=jdbc:x://y?a=b#c
            name=\ Zo\u00eb\n
            ns\:key=
        "]]
        .assert_eq(&file(Properties, &entries).expect("everything can be said"));
    }
}
