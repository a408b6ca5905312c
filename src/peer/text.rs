/// `text` on one line of at most `bytes_max` bytes, without control characters: what others send is fit for a log.
pub(super) fn one_line(text: &str, bytes_max: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if out.len() + c.len_utf8() > bytes_max {
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_sentence_becomes_one_bounded_line() {
        assert_eq!(one_line("a\nb\u{1b}[2Jc", 100), "a b [2Jc");
        assert_eq!(one_line("äöü", 5), "äö");
        assert_eq!(one_line("", 5), "");
    }
}
