//! As much of the ZIP format (PKWARE's APPNOTE 6.3, sections 4.3 and 4.4) as it takes to find a file in an archive that is
//! part of the program, and of gzip (RFC 1952) to hand the file on without unpacking it: both hold the same stream.

const DIRECTORY_END: &[u8] = b"PK\x05\x06";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const DEFLATED: u16 = 8;
/// Deflated, no name, no time, made anywhere.
const GZIP_HEAD: &[u8] = &[0x1f, 0x8b, DEFLATED as u8, 0, 0, 0, 0, 0, 0, 0xff];

/// The file whose path ends with `path`, as gzip; `None` where it is not there, or not deflated.
pub(super) fn gzip_of(archive: &[u8], path: &str) -> Option<Vec<u8>> {
    let end = archive.windows(DIRECTORY_END.len()).rposition(|window| window == DIRECTORY_END)?;
    let mut entry = archive.get(u32_at(archive, end + 16)? as usize..end)?;
    while entry.starts_with(DIRECTORY_ENTRY) {
        let (name, extra, comment) = (u16_at(entry, 28)?, u16_at(entry, 30)?, u16_at(entry, 32)?);
        let name_end = 46 + usize::from(name);
        if entry.get(46..name_end)?.ends_with(path.as_bytes()) {
            let is_deflated = u16_at(entry, 10)? == DEFLATED;
            return is_deflated.then(|| wrapped(archive, entry))?;
        }
        entry = entry.get(name_end + usize::from(extra) + usize::from(comment)..)?;
    }
    None
}

fn wrapped(archive: &[u8], entry: &[u8]) -> Option<Vec<u8>> {
    let local = archive.get(u32_at(entry, 42)? as usize..)?;
    let begin = 30 + usize::from(u16_at(local, 26)?) + usize::from(u16_at(local, 28)?);
    let stream = local.get(begin..begin + u32_at(entry, 20)? as usize)?;
    let (crc, length) = (entry.get(16..20)?, entry.get(24..28)?);
    Some([GZIP_HEAD, stream, crc, length].concat())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

    use super::*;

    /// What Python makes of it: it checks the sum and the length too.
    fn unpacked(gzip: &[u8]) -> String {
        let script = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
        let mut python = Command::new("python3")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the tests need Python 3");
        let (mut stdin, gzip) = (python.stdin.take().expect("a pipe"), gzip.to_vec());
        let writer = std::thread::spawn(move || stdin.write_all(&gzip));
        let output = python.wait_with_output().expect("Python ends");
        writer.join().expect("no panic").expect("Python reads it all");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    #[test]
    fn what_the_page_needs_is_in_the_archive_and_whole() {
        for (path, begins) in [("dist/swagger-ui-bundle.js", "/*!"), ("dist/swagger-ui.css", ".swagger-ui")] {
            let text = unpacked(&gzip_of(SWAGGER_UI_VENDORED, path).expect("it is there"));
            assert!(text.starts_with(begins) && text.len() > 100_000, "{path}");
        }
    }

    #[test]
    fn what_is_not_there_or_cut_off_is_not_found() {
        assert_eq!(gzip_of(SWAGGER_UI_VENDORED, "dist/nothing.js"), None);
        assert_eq!(gzip_of(SWAGGER_UI_VENDORED, "dist/favicon-16x16.png"), None, "not deflated");
        assert_eq!(gzip_of(&SWAGGER_UI_VENDORED[..100_000], "dist/swagger-ui.css"), None);
        assert_eq!(gzip_of(b"", "x"), None);
    }
}
