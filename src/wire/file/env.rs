//! Assignments of the POSIX shell (XCU 2.9.1), one for each key.
//!
//! `docker --env-file` knows no quotes: it takes all that follows `=`, to the end of the line. So a value stands as it is
//! wherever the shell leaves it as it is too, and in single quotes otherwise (XCU 2.2.2): there nothing means anything but
//! the quote itself, which is written `'\''`. A line break within them is one.

/// The variable of a key: upper case, and `_` for what a name cannot have. The error says why there is none.
pub(super) fn variable(key: &str) -> Result<String, String> {
    let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = key.chars().map(upper).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("the key {key:?} gives no name of a variable: it begins with a digit"));
    }
    if name.bytes().all(|byte| byte == b'_') {
        return Err(format!("the key {key:?} gives no name of a variable: it has no letter"));
    }
    Ok(name)
}

/// Appends a line. The error says what of the value cannot be said.
pub(super) fn write(text: &mut String, name: &str, value: &str) -> Result<(), &'static str> {
    if value.contains('\0') {
        return Err("has a zero byte, which ends a variable");
    }
    text.push_str(name);
    text.push('=');
    if is_plain(value) {
        text.push_str(value);
    } else {
        text.push('\'');
        text.push_str(&value.replace('\'', r"'\''"));
        text.push('\'');
    }
    text.push('\n');
    Ok(())
}

/// Whether the shell takes it as it stands: in an assignment words are not split and names of files are not looked for
/// (XCU 2.9.1), but a `~` may become a folder.
fn is_plain(value: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.,:/@%+=*?[]".contains(&byte);
    // A `#` within a word begins no comment.
    value.bytes().enumerate().all(|(at, byte)| is_plain(byte) || (byte == b'#' && at > 0))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use expect_test::expect;

    use super::super::FileFormat::Env;
    use super::super::tests::file;
    use crate::wire::ValueType::{Boolean, Json, Number, String as Text};

    #[test]
    fn plain_values_are_plain() {
        let entries = [
            ("db.url", Text, "postgres://db-1:5432/pay?ssl=on&x=1"),
            ("db/pool-size", Number, "10"),
            ("empty", Text, ""),
            ("feature:x", Boolean, "true"),
            ("greeting", Text, "it's $5"),
            ("limits", Json, r#"{"perDay":100}"#),
            ("theme", Text, "dark#fff"),
            ("url", Text, "http://x/y?a=b"),
        ];
        expect![[r#"
            DB_URL='postgres://db-1:5432/pay?ssl=on&x=1'
            DB_POOL_SIZE=10
            EMPTY=
            FEATURE_X=true
            GREETING='it'\''s $5'
            LIMITS='{"perDay":100}'
            THEME=dark#fff
            URL=http://x/y?a=b
        "#]]
        .assert_eq(&file(Env, &entries).expect("all of it can be said"));
    }

    #[test]
    fn a_key_without_a_variable_of_its_own_is_named() {
        let why = |entries: &[_]| file(Env, entries).expect_err("it cannot be said");
        let collision = why(&[("db-url", Text, "a"), ("db.url", Text, "b")]);
        assert_eq!(collision.keys, ["db-url", "db.url"]);
        assert_eq!(collision.to_string(), r#"the keys "db-url" and "db.url" would be one variable, DB_URL"#);
        for (key, value, says) in [("9.lives", "a", "digit"), ("-", "a", "letter"), ("k", "a\0b", "zero byte")] {
            let error = why(&[(key, Text, value)]);
            assert_eq!(error.keys, [key]);
            assert!(error.why.contains(says) && error.why.contains(key), "{error}");
        }
    }

    /// Every value comes through a real shell as it is, in each there is.
    #[test]
    fn a_shell_reads_the_values_as_they_are() {
        let mut values: Vec<String> = (1..128u8).map(|byte| char::from(byte).to_string()).collect();
        values.extend((1..128u8).map(|byte| format!("a{}b", char::from(byte))));
        let harder = [
            "",
            " ",
            "  two  ",
            "a\nb\n",
            "\n",
            "\r\n",
            "'",
            "''",
            r"'\''",
            r#""$HOME" `id` $(id) ${X}"#,
            "~",
            "a:~",
            "~root",
            "a=~",
            "#no comment",
            "a #b",
            "*",
            "/etc/*",
            "[a-z]?",
            "{a,b}",
            "a\\",
            "\\n",
            "!x",
            "(a b)",
            "a;b|c&d",
            "<a>",
            "ä€😀",
            "\u{a0}",
            "-n",
            "-e x",
            "export A=b",
            "\u{7f}",
        ];
        values.extend(harder.map(str::to_owned));
        let entries: Vec<(String, &String)> =
            values.iter().enumerate().map(|(n, value)| (format!("k{n}"), value)).collect();
        let entries: Vec<_> = entries.iter().map(|(key, value)| (key.as_str(), Text, value.as_str())).collect();
        let text = file(Env, &entries).expect("all of it can be said");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("file"), text).expect("a file");
        for shell in ["sh", "bash", "dash", "zsh", "ksh", "busybox"] {
            let mut command = Command::new(shell);
            if shell == "busybox" {
                command.arg("sh");
            }
            let script = "set -a; . ./file; exec env -0";
            let output = match command.args(["-c", script]).current_dir(folder.path()).output() {
                Ok(output) => output,
                Err(_) if shell != "sh" => continue,
                Err(error) => panic!("there is no sh: {error}"),
            };
            assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
            let printed = String::from_utf8(output.stdout).expect("UTF-8");
            let printed: std::collections::BTreeMap<&str, &str> =
                printed.split('\0').filter_map(|line| line.split_once('=')).collect();
            for (n, value) in values.iter().enumerate() {
                assert_eq!(printed.get(format!("K{n}").as_str()), Some(&value.as_str()), "{shell} {value:?}");
            }
        }
    }
}
