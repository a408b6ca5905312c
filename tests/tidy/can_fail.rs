//! Each rule of `tests/tidy.rs`, failing on an example: a rule that cannot fail holds nobody to anything.

use super::*;

/// Where a check finds something in one file, `file:line`.
fn found_in(check: fn(&[Source]) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    let findings = check(&read(vec![(path.to_owned(), text.to_owned())]));
    findings.into_iter().inspect(|finding| assert_eq!(finding.file, path)).map(|finding| finding.line).collect()
}

#[test]
fn an_import_upward_is_found_however_it_is_written() {
    let found = |path, text| found_in(check_imports, path, text);
    assert_eq!(found("src/log/wal.rs", "use crate::host::Host;\nuse crate::raft::Raft;"), [2]);
    assert_eq!(found("src/log/wal.rs", "fn f() {\n    crate::api::go();\n}"), [2]);
    assert_eq!(
        found("src/log/wal.rs", "use crate::{\n    base::LogId,\n    host::{Host, raft},\n    api::Api,\n};"),
        [4]
    );
    assert_eq!(found("src/log/wal.rs", "use crate::{log, raft::{Raft}, base};"), [1]);
    assert_eq!(found("src/model/mod.rs", "use crate::host::Host;"), [1]);
    assert_eq!(found("src/base/ids.rs", "use crate::model::Key;"), [1]);
    assert_eq!(found("src/main.rs", "fn main() {\n    confman::cli::main();\n    confman::raft::main();\n}"), [3]);
    assert_eq!(found("src/novel/mod.rs", "use crate::base::LogId;"), [1], "a module without a row");
    assert_eq!(found("src/lib.rs", "pub use crate::raft::Raft;"), [0; 0], "lib.rs names all");
    assert_eq!(found("src/log/wal.rs", "//! See [`crate::raft`].\n/// And crate::api."), [0; 0], "comments may");
    assert_eq!(found("src/log/wal.rs", "use other_crate::raft;\nuse mycrate::raft::X;"), [0; 0]);
}

#[test]
fn climbing_to_the_root_by_super_is_found() {
    let found = |path, text| found_in(check_imports, path, text);
    assert_eq!(found("src/log/wal.rs", "use super::super::raft::Raft;"), [1]);
    assert_eq!(found("src/log/mod.rs", "use super::raft::Raft;"), [1]);
    assert_eq!(found("src/config.rs", "use super::raft::Raft;"), [1]);
    assert_eq!(found("src/log/wal.rs", "use super::segment;\nmod tests {\n    use super::super::segment;\n}"), [0; 0]);
    assert_eq!(found("src/log/wal/deep.rs", "use super::super::segment;"), [0; 0]);
}

#[test]
fn tests_of_host_may_import_what_stands_on_it_and_others_may_not() {
    let tests = "#[cfg(test)]\nmod tests {\n    use crate::log::Wal;\n}";
    assert_eq!(found_in(check_imports, "src/host/mod.rs", tests), [0; 0]);
    assert_eq!(found_in(check_imports, "src/keys/mod.rs", tests), [3]);
}

#[test]
fn each_ban_bites() {
    for (scope, patterns, _) in BANS {
        for pattern in *patterns {
            let code = format!("fn f() {{\n    let x = {pattern};\n}}");
            let within = if *pattern == "#[ignore" { format!("\n{pattern}]") } else { code };
            assert_eq!(found_in(check_bans, "src/apply/actor.rs", &within), [2], "{pattern}");
            let in_cli = found_in(check_bans, "src/cli/mod.rs", &within);
            assert_eq!(in_cli.is_empty(), *scope == Where::Simulated, "{pattern}");
            let in_simulator = found_in(check_bans, "sim-tests/src/lib.rs", &within);
            assert_eq!(in_simulator.is_empty(), *scope != Where::Code, "{pattern}");
            let tests = format!("#[cfg(test)]\nmod tests {{\n    fn f() {{ {pattern}] }}\n}}");
            let in_tests = found_in(check_bans, "src/apply/actor.rs", &tests);
            assert_eq!(in_tests.is_empty(), *scope == Where::Simulated, "{pattern}");
            let comment = format!("/// Not {pattern}.\nfn f() {{}} // nor {pattern}");
            let in_comment = found_in(check_bans, "src/apply/actor.rs", &comment);
            assert_eq!(in_comment.is_empty(), *scope != Where::ProductText, "{pattern}");
        }
    }
}

#[test]
fn bans_see_through_groups_and_do_not_mistake_names() {
    let found = |text| found_in(check_bans, "src/apply/actor.rs", text);
    assert_eq!(found("use std::{\n    sync::Arc,\n    fs,\n};"), [3]);
    assert_eq!(found("use tokio::{sync::mpsc, time::sleep};"), [1]);
    assert_eq!(found("use std::net::{IpAddr, TcpStream};"), [1]);
    assert_eq!(found("use std::{net::{IpAddr, TcpStream as Stream}, io};"), [1]);
    assert_eq!(found("use std::{fs as disk, io};\nuse std::{io, fs::{self, File}};"), [1, 2]);
    assert_eq!(found("use std::{net::IpAddr, io};"), [0; 0]);
    assert_eq!(found("use std::net::{IpAddr, SocketAddr};\nfn f(ip: std::net::Ipv6Addr) {}"), [0; 0]);
    assert_eq!(found("use std::collections::{BTreeMap, HashMap};"), [1]);
    assert_eq!(found("struct MyHashMapLike;\nfn my_thread_rng() {}\nlet s = std::fsync;"), [0; 0]);
    assert_eq!(found("futures_util::select!(a, b)"), [1]);
}

#[test]
fn test_code_ends_where_its_block_ends_and_follows_its_modules() {
    let ban = "fn f() { std::fs::read(); }";
    let text = format!("#[cfg(test)]\nmod tests {{\n    {ban}\n}}\n\n{ban}\n#[cfg(test)]\nuse std::fs;\n{ban}");
    assert_eq!(found_in(check_bans, "src/apply/actor.rs", &text), [6, 9]);
    let not_for_tests = format!("#[cfg(not(test))]\n{ban}");
    assert_eq!(found_in(check_bans, "src/apply/actor.rs", &not_for_tests), [2]);
    let files = [
        ("src/apply/mod.rs", "#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"odd.rs\"]\nmod other;\nmod real_one;"),
        ("src/apply/tests/deep.rs", ban),
        ("src/apply/tests.rs", ban),
        ("src/apply/odd.rs", ban),
        ("src/apply/real_one.rs", ban),
        ("src/apply/real_one/tests.rs", ban),
        ("src/log/mod.rs", "#[cfg(test)]\npub(crate) mod fake;"),
        ("src/log/fake/files.rs", ban),
        ("src/log/faker.rs", ban),
    ];
    let sources = read(files.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
    let found: Vec<_> = check_bans(&sources).into_iter().map(|finding| finding.file).collect();
    assert_eq!(found, ["src/apply/real_one.rs", "src/apply/real_one/tests.rs", "src/log/faker.rs"]);
}

#[test]
fn long_files_are_found_unless_a_reason_is_given() {
    let found = |lines, listed: &[(&str, &str)]| {
        check_sizes(&read(vec![("src/log/wal.rs".to_owned(), "x\n".repeat(lines))]), listed).len()
    };
    assert_eq!(found(FILE_LINES_SOFT, &[]), 0);
    assert_eq!(found(FILE_LINES_SOFT + 1, &[]), 1);
    assert_eq!(found(FILE_LINES_SOFT + 1, &[("src/log/wal.rs", "one table")]), 0);
    assert_eq!(found(FILE_LINES_SOFT + 1, &[("src/log/wal.rs", "")]), 1, "a reason, please");
    assert_eq!(found(FILE_LINES_HARD + 1, &[("src/log/wal.rs", "one table")]), 1);
    assert_eq!(found(10, &[("src/log/wal.rs", "one table")]), 1, "it is short now");
    assert_eq!(found(10, &[("src/log/gone.rs", "one table")]), 1, "it is gone");
}

#[test]
fn a_module_without_a_doc_is_found() {
    let found = |path, text| found_in(check_module_docs, path, text);
    assert_eq!(found("src/log/mod.rs", "mod wal;"), [1]);
    assert_eq!(found("src/log/mod.rs", "//! (to be filled)"), [1]);
    assert_eq!(found("sim-tests/src/lib.rs", ""), [1]);
    assert_eq!(found("src/log/mod.rs", "//! The write-ahead log, and how it recovers."), [0; 0]);
    assert_eq!(found("src/log/wal.rs", "mod wal;"), [0; 0]);
}

#[test]
fn paths_of_a_machine_and_excuses_are_found() {
    let found = |path: &str, text: String| check_texts(&[(path.to_owned(), text)]).len();
    for folder in MACHINE_PATHS {
        assert_eq!(found("README.md", format!("see {folder}confman/x")), 1);
        assert_eq!(found("scripts/run", format!("DATA=\"{folder}x\"")), 1);
        assert_eq!(found("README.md", format!("https://example.com{folder}x, a{folder}b and $DIR{folder}x")), 0);
    }
    let excuse = ["dead", "code"].join("_");
    assert_eq!(found("tests/support/mod.rs", format!("#![allow({excuse})]")), 1);
    assert_eq!(found("src/log/wal.rs", format!("#[cfg_attr(test, allow(unused_imports, {excuse}))]")), 1);
    assert_eq!(found("Cargo.toml", format!("{excuse} = \"allow\"")), 1);
    assert_eq!(found("src/log/wal.rs", format!("#![allow({})", EXCUSES[1])), 1);
    assert_eq!(found("README.md", format!("the compiler warns of {excuse}")), 0);
}

#[test]
fn a_finding_names_file_and_line() {
    let finding = Finding { file: "src/log/wal.rs".to_owned(), line: 7, what: "do this".to_owned() };
    assert_eq!(finding.to_string(), "src/log/wal.rs:7: do this");
}
