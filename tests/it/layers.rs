//! The direction of dependency: docs/architecture.md has the table, the sources have to keep to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The row of each module, counted from the top.
struct Layers {
    rows: BTreeMap<String, usize>,
    last: usize,
}

impl Layers {
    /// Reads the table with the columns `layer` and `files`.
    fn of(document: &str) -> Self {
        let mut rows = BTreeMap::new();
        let table = document.lines().skip_while(|line| !line.starts_with("| layer | files |")).skip(2);
        let mut last = 0;
        for (row, line) in table.take_while(|line| line.starts_with('|')).enumerate() {
            last = row;
            for name in line.split('|').nth(2).unwrap().split('`').skip(1).step_by(2) {
                let module = name.split('/').next().unwrap();
                assert!(rows.insert(module.to_owned(), row).is_none(), "{module} stands in two rows");
            }
        }
        assert!(rows.len() > 10, "the table is not where it was");
        Self { rows, last }
    }

    /// What is wrong with a file of a module. `beside` are the modules that `super::` may mean instead of the
    /// crate's own.
    fn violations(&self, module: &str, beside: &[String], source: &str) -> Vec<String> {
        let Some(&row) = self.rows.get(module) else {
            return vec![format!("{module} is in no row of the table in docs/architecture.md")];
        };
        let code: String = source
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |code, line| code + line + "\n");
        let above = uses(&code, "super::")
            .into_iter()
            .filter(|name| self.rows.contains_key(name) && !beside.contains(name));
        let mut wrong = Vec::new();
        for used in uses(&code, "crate::").into_iter().chain(above) {
            match self.rows.get(&used) {
                _ if used == module => {}
                None => wrong.push(format!("{module} uses crate::{used}, which is no module of the table")),
                Some(&other) if other > row || other == self.last => {
                    wrong.push(format!("{module} uses {used}, which stands below it"));
                }
                Some(_) => {}
            }
        }
        wrong
    }
}

/// The first names of all paths that begin with `root`, also of those in braces.
fn uses(code: &str, root: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut found = Vec::new();
    for (at, _) in code.match_indices(root) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue; // another crate's name ends like this
        }
        let rest = &code[at + root.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = 0;
            for (end, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    ',' | '}' if depth == 0 => {
                        found.push(name(&group[item..end]));
                        item = end + 1;
                        if c == '}' {
                            break;
                        }
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        } else {
            found.push(name(rest));
        }
    }
    found.retain(|name| !name.is_empty() && !["super", "self"].contains(&name.as_str()));
    found
}

pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_file_uses_what_stands_above_it_and_never_below() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let layers = Layers::of(&std::fs::read_to_string(root.join("docs/architecture.md")).unwrap());
    let src = root.join("src");
    let mut wrong = Vec::new();
    let mut modules = Vec::new();
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let module = stem(Path::new(inside.iter().next().unwrap()));
        // The root lists all modules; a command is a crate of its own; a test may use what it needs.
        let is_test = inside.iter().any(|part| part == "tests" || part == "tests.rs");
        if module == "lib" || module == "bin" || is_test {
            continue;
        }
        let folder = file.parent().unwrap();
        let beside: Vec<_> = if folder == src {
            Vec::new()
        } else {
            rust_files(folder).iter().map(|file| stem(file)).collect()
        };
        let source = std::fs::read_to_string(&file).unwrap();
        wrong.extend(
            layers
                .violations(&module, &beside, &source)
                .iter()
                .map(|what| format!("{}: {what}", inside.display())),
        );
        modules.push(module);
    }
    assert!(modules.len() > 30, "the sources are not where they were");
    // Side doors may not be there yet; what stands above them is.
    for (module, row) in &layers.rows {
        assert!(*row == layers.last || modules.contains(module), "{module} is in the table and not in src");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const TABLE: &str = "\
text
| layer | files |
| --- | --- |
| values, no I/O | `phone/` `ids` `code/` `secret` `clock` |
| seams | `transport/` `wire` |
| errors | `error` `report` |
| policies | `config` `limit` |
| engine | `pipeline` |
| side doors, nothing depends on them | `jsonl` `sandbox/` `bin/kwtsms/` |

| other | table |
| --- | --- |
| a | `b` |
";

#[test]
fn a_planted_violation_is_found() {
    let layers = Layers::of(TABLE);
    let wrong = |module: &str, source: &str| {
        layers.violations(module, &["send".to_owned(), "error".to_owned()], source)
    };
    for (module, source, names) in [
        ("phone", "use crate::error::Error;", "error"),
        ("wire", "use crate::{code::ApiCode, limit::Limiter};", "limit"),
        ("wire", "use crate::{\n    code::{ApiCode, CodeClass},\n    pipeline::Core,\n};", "pipeline"),
        ("error", "fn f() -> crate::config::Environment { todo!() }", "config"),
        ("error", "    pub(in crate) use super::limit::Limiter;", "limit"),
        ("ids", "use super::super::pipeline::Core;", "pipeline"),
        ("pipeline", "use crate::sandbox::Sandbox;", "sandbox"),
        ("jsonl", "use crate::sandbox::Sandbox;", "sandbox"),
        ("pipeline", "use crate::Client;", "Client"),
        ("pipeline", "use crate::utils::x;", "utils"),
        ("metrics", "use crate::wire;", "metrics"),
    ] {
        let wrong = wrong(module, source);
        assert!(wrong.len() == 1 && wrong[0].contains(names), "{source}: {wrong:?}");
    }
    for (module, source) in [
        ("phone", "use std::fmt;\nuse super::digits::digits;\nuse crate::ids::MessageId;"),
        ("pipeline", "use crate::wire::{self, Verdict};\nuse crate::limit::Limiter;"),
        ("wire", "// see crate::pipeline\n    /// [`crate::Client`]\nuse other_crate::pipeline;"),
        (
            "sandbox",
            "use super::send::queue;\nuse super::error::Reply;\nuse crate::clock::wall_now;\nuse crate::sandbox::x;",
        ),
    ] {
        assert_eq!(wrong(module, source), Vec::<String>::new(), "{source}");
    }
}
