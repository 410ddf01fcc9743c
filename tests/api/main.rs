//! What the library offers, item by item, compared with `public-api.txt`: a change of it is made on purpose. And under
//! which licences its dependencies stand, where `cargo deny` is not installed.
//!
//! `KWTSMS_WRITE_API=1 cargo test -p kwtsms-api-tests` writes the file anew.

#![cfg(unix)] // rustdoc is called through a script

use std::path::Path;
use std::process::Command;

/// The items of every feature of `full`, a line each, without what every type has by its fields or its derives.
fn items() -> Result<String, String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is a folder of the target's");
    let rustdoc = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "--package", "kwtsms-async", "--lib", "--features", "full"])
        .arg("--target-dir")
        .arg(target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTDOC", here.join("rustdoc"))
        .current_dir(here)
        .output()
        .map_err(|error| error.to_string())?;
    if !rustdoc.status.success() {
        return Err(String::from_utf8_lossy(&rustdoc.stderr).into_owned());
    }
    let api = public_api::Builder::from_rustdoc_json(target.join("doc/kwtsms_async.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .map_err(|error| error.to_string())?;
    // The guides are pages of the documentation, not items of the library.
    let items = api.items().map(|item| format!("{item}\n"));
    Ok(items.filter(|item| !item.starts_with("pub mod kwtsms_async::guides")).collect())
}

/// True if this Rust writes the format that is read here.
fn rust_is_read() -> bool {
    let version = Command::new("rustc").arg("--version").output().expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    ["1.93.", "1.94.", "1.95."].iter().any(|read| version.starts_with(&format!("rustc {read}")))
}

#[test]
fn the_public_api_is_the_one_that_was_agreed() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    if !rust_is_read() {
        assert!(std::env::var_os("KWTSMS_WRITE_API").is_none(), "write it with Rust 1.93 to 1.95");
        eprintln!("SKIPPED: the public API is read with Rust 1.93 to 1.95 only");
        return;
    }
    let now = items().unwrap();
    if std::env::var_os("KWTSMS_WRITE_API").is_some() {
        std::fs::write(&file, now).unwrap();
        return;
    }
    let agreed = std::fs::read_to_string(&file).unwrap();
    let gone = agreed.lines().filter(|line| !now.lines().any(|other| other == *line));
    let new = now.lines().filter(|line| !agreed.lines().any(|other| other == *line));
    let changes: Vec<_> =
        gone.map(|line| format!("- {line}")).chain(new.map(|line| format!("+ {line}"))).collect();
    assert!(
        changes.is_empty(),
        "the public API changed:\n{}\nIf this is meant: KWTSMS_WRITE_API=1 cargo test -p kwtsms-api-tests",
        changes.join("\n")
    );
}

/// True if a program may be shipped under the expression: `OR` asks for one of its parts, `AND` for all.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    // No dependency nests the two deeper than `(A OR B) AND C`.
    plain.split(" AND ").all(|part| {
        part.split(" OR ")
            .any(|name| allowed.contains(&name.trim().split(" WITH ").next().unwrap_or_default()))
    })
}

#[test]
fn every_dependency_stands_under_a_licence_that_is_allowed() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let deny = std::fs::read_to_string(here.join("../../deny.toml")).unwrap();
    let list = deny.split("\nallow = [").nth(1).unwrap().split("\n]").next().unwrap();
    let allowed: Vec<_> = list.lines().filter_map(|line| line.split('"').nth(1)).collect();
    assert!(allowed.contains(&"MIT") && !allowed.iter().any(|name| name.contains("GPL")), "{allowed:?}");

    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "kwtsms-async", "--features", "full"])
        .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{l}"])
        .current_dir(here)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let packages: std::collections::BTreeSet<_> =
        tree.lines().filter_map(|line| line.split_once('|')).collect();
    assert!(packages.len() > 100, "{}", packages.len());
    let others: Vec<_> = packages.iter().filter(|(_, licence)| !is_allowed(licence, &allowed)).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_licence_that_asks_for_more_is_not_allowed() {
    let allowed = ["MIT", "Apache-2.0"];
    assert!(is_allowed("MIT", &allowed) && is_allowed("MIT OR LGPL-2.1-or-later", &allowed));
    assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR BSD", &allowed) && is_allowed("BSD/MIT", &allowed));
    assert!(!is_allowed("GPL-3.0", &allowed) && !is_allowed("", &allowed));
    assert!(!is_allowed("(MIT OR Apache-2.0) AND GPL-3.0", &allowed));
}
