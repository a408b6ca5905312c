/// The bytes of `text` as a JSON string with its quotes, as serde_json writes it: what is not ASCII stays as it is.
pub fn json_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_serde_json_writes() {
        let controls: String = (0..=0x7f_u8).map(char::from).collect();
        for text in ["", "plain", "\"quoted\" \\ /", "tab\tline\n\r", "äöü €😀\u{2028}", &controls] {
            let written = serde_json::to_string(text).expect("a string is JSON");
            assert_eq!(json_bytes(text), written.len(), "{text:?}");
        }
    }
}
