//! What users and readers may rely on: auto traits, and facts that stand in more than one file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kwtsms_async::{
    Accepted, Account, Balance, Batch, Bulk, BulkHandle, Client, ClientBuilder, Coverage, DeliveryReport,
    Error, Invalid, Limiter, Listed, MessageStatus, MessageText, PhoneError, PhoneNumber, Progress, Query,
    RawReply, Recipients, Retry, SameNumberMemory, Secret, SendCall, SendReport, SenderId, Validation,
    WatchDelivery,
};

/// Compiles only if all of these can be kept in a handler's state, shared between threads and spawned.
#[allow(dead_code)]
fn what_is_public_can_be_shared_and_spawned(client: Client) {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    fn spawned<F: Future + Send + 'static>(_: F) {}
    fn cloned<T: Clone>() {}

    shared::<(Client, ClientBuilder, Limiter, Error, Retry, Secret)>();
    shared::<(BulkHandle, Progress, SameNumberMemory)>();
    sent::<(SendCall, Bulk, WatchDelivery)>();
    sent::<(Query<Balance>, Query<Coverage>, Query<Validation>, Query<MessageStatus>)>();
    sent::<(Query<Listed<SenderId>>, Query<Listed<DeliveryReport>>)>();
    shared::<(SendReport, Batch, Account, Accepted, Invalid, RawReply)>();
    shared::<(PhoneNumber, PhoneError, Recipients, MessageText)>();
    cloned::<(Client, Limiter, Error, BulkHandle, SendReport, Batch, Balance, Coverage, Validation)>();

    spawned(client.send("", ""));
    spawned(client.balance());
    spawned(client.bulk([""; 1], "").collect_report());
    spawned(async move {
        // As in a handler: by reference, across an await.
        let report = client.send("", "").await;
        let _ = (client.bulk([""; 1], "").collect_report().await, report);
    });
}

fn file(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name)
}

/// The manifests of the package and of the workspace's other members.
const MANIFESTS: [&str; 5] = [
    "Cargo.toml",
    "benches/Cargo.toml",
    "examples/Cargo.toml",
    "tests/api/Cargo.toml",
    "tests/page/Cargo.toml",
];

fn table(name: &str) -> BTreeMap<String, String> {
    table_of("Cargo.toml", name)
}

/// The keys of a table of a manifest, each with what stands after the `=`.
fn table_of(manifest: &str, name: &str) -> BTreeMap<String, String> {
    let manifest = file(manifest);
    let mut keys = BTreeMap::new();
    let mut last: Option<String> = None;
    let lines = manifest.lines().skip_while(|line| line.trim() != format!("[{name}]")).skip(1);
    for line in lines.take_while(|line| !line.starts_with('[')) {
        let is_key = |key: &str| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        match line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some((key, value)) if is_key(key) => {
                keys.insert(key.to_owned(), value.to_owned());
                last = Some(key.to_owned());
            }
            // A list over several lines.
            _ if !line.trim_start().starts_with('#') => {
                if let Some(value) = last.as_ref().and_then(|key| keys.get_mut(key)) {
                    value.push_str(line.trim());
                }
            }
            _ => {}
        }
    }
    assert!(!keys.is_empty(), "[{name}]");
    keys
}

/// The strings of a list.
fn strings(list: &str) -> BTreeSet<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The papers at the top and in `docs/`, each with its text.
fn papers() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = Vec::new();
    for folder in ["", "docs", "docs/guides"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                names.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    names.sort();
    names.into_iter().map(|name| (name.clone(), file(&name))).collect()
}

/// The first table under a heading, cell by cell, without its head.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let section = document.lines().skip_while(|line| *line != heading).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let lines = section.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let rows: Vec<_> = lines
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "{heading}");
    rows
}

/// The words in back quotes.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_readmes_feature_table_is_cargos() {
    let mut features = table("features");
    let default = strings(&features.remove("default").unwrap());
    let rows = rows(&file("README.md"), "## Features");
    let named: BTreeSet<_> = rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(named, features.keys().cloned().collect());
    assert_eq!(named.len(), rows.len(), "none twice");
    for row in &rows {
        let name = row[0].trim_matches('`');
        assert_eq!(row[1] == "yes", default.contains(name), "{name}: {}", row[1]);
        assert!(!row[2].is_empty(), "{name}");
        if name == "full" {
            // "all of the above but `native-tls`"
            let mut wanted: BTreeSet<_> = named.iter().filter(|other| *other != "full").cloned().collect();
            wanted.retain(|other| !quoted(&row[2]).contains(other));
            assert_eq!(strings(&features["full"]), wanted);
        }
    }
}

fn rust_version() -> String {
    table("workspace.package")["rust-version"].trim_matches('"').to_owned()
}

#[test]
fn the_oldest_rust_is_told_by_cargo_toml() {
    let version = rust_version();
    assert!(file("README.md").contains(&format!("{version} or newer")), "README.md and rust-version");
    let workflow = file(".github/workflows/ci.yml");
    assert!(workflow.contains("rust-version") && workflow.contains("Cargo.toml"), "the workflow reads it");
    assert!(!workflow.contains(&version), "the workflow does not repeat it");
}

#[test]
fn the_version_in_the_readme_is_this_one() {
    let (major, rest) = env!("CARGO_PKG_VERSION").split_once('.').unwrap();
    let minor = rest.split('.').next().unwrap();
    let readme = file("README.md");
    let named = readme.lines().filter(|line| line.starts_with("kwtsms-async = "));
    let shown: Vec<_> = named.filter(|line| !line.contains("path = ")).collect(); // a checkout has none
    assert!(!shown.is_empty());
    for line in shown {
        assert!(line.contains(&format!("\"{major}.{minor}\"")), "{line}");
    }
}

#[test]
fn the_readme_has_two_commands_that_do_all_the_set_up() {
    let readme = file("README.md");
    let block =
        readme.split("<!-- the two commands -->").nth(1).unwrap().split("<!-- end -->").next().unwrap();
    let commands: Vec<_> = block.lines().filter(|line| line.starts_with("cargo ")).collect();
    assert_eq!(commands.len(), 2, "{block}");
    assert!(commands[0].starts_with("cargo run ") && commands[1].starts_with("cargo test "), "{commands:?}");
    assert!(file(".ci/run").contains("the two commands"), "the gate takes them from the README");
    assert!(file(".github/workflows/ci.yml").contains(".ci/run"));
}

#[test]
fn every_command_in_the_papers_names_what_is_there() {
    let text: String = papers().into_iter().map(|(_, text)| text).collect();
    let in_text = text.split('`').filter(|text| text.starts_with("cargo "));
    let commands: Vec<_> = text.lines().filter(|line| line.starts_with("cargo ")).chain(in_text).collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let words: Vec<_> = command.split_whitespace().collect();
        let after = |option: &str| words.iter().position(|word| *word == option).map(|at| words[at + 1]);
        let folder = match after("-p") {
            None => ".",
            Some("kwtsms-benches") => "benches",
            Some("kwtsms-examples") => "examples",
            Some("kwtsms-api-tests") => "tests/api",
            Some("kwtsms-page-tests") => "tests/page",
            Some(other) => panic!("{command}: no member is called {other}"),
        };
        let manifest = format!("{folder}/Cargo.toml");
        let on: BTreeSet<_> = after("--features").into_iter().flat_map(|list| list.split(',')).collect();
        let of_others = |feature: &&str| feature.contains('/');
        let own: BTreeSet<_> = on.iter().filter(|feature| !of_others(feature)).collect();
        if !own.is_empty() {
            let features = table_of(&manifest, "features");
            assert!(own.iter().all(|feature| features.contains_key(**feature)), "{command}");
        }
        for option in ["--bin", "--bench", "--test"] {
            let Some(name) = after(option) else { continue };
            let text = file(&manifest);
            let entry = text.split("[[").find(|entry| entry.contains(&format!("name = \"{name}\"")));
            let entry = entry.unwrap_or_else(|| panic!("{command}: {manifest} has no such target"));
            let needs = entry.split("required-features = ").nth(1).unwrap_or("[]").split(']').next().unwrap();
            assert!(strings(needs).iter().all(|need| on.contains(need.as_str())), "{command} needs {needs}]");
        }
    }
}

/// What a link to a heading says behind its `#`.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches(['#', ' ']).to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_file_that_the_papers_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (paper, text) in papers() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let folder = root.join(&paper).parent().unwrap().to_path_buf();
            let there = if path.is_empty() { root.join(&paper) } else { folder.join(path) };
            assert!(there.exists(), "{paper} links to {link}");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(&there).unwrap();
                let mut headings = text.lines().filter(|line| line.starts_with("## ")).map(anchor);
                assert!(headings.any(|there| there == heading), "{paper} links to {link}");
            }
        }
        // A reader who is sent to a document or an example gets there by a click.
        let to_readers =
            paper == "README.md" || (paper.starts_with("docs/") && paper != "docs/architecture.md");
        for named in quoted(&text).iter().filter(|_| to_readers) {
            let paper_or_example = ["docs/", "examples/", "SECURITY.md"];
            assert!(
                !paper_or_example.iter().any(|start| named.starts_with(start)),
                "{paper}: make {named} a link"
            );
        }
        for named in quoted(&text) {
            let folders = ["src/", "tests/", "benches/", "examples/", "docs/", ".ci/", ".github/"];
            if folders.iter().any(|folder| named.starts_with(folder)) {
                assert!(root.join(&named).exists(), "{paper} names {named}");
            }
        }
    }
}

#[test]
fn the_workflow_may_only_read_and_does_not_hang() {
    let workflow = file(".github/workflows/ci.yml");
    let permissions: Vec<_> =
        workflow.split("permissions:").skip(1).map(|block| block.trim_start()).collect();
    assert!(!permissions.is_empty() && permissions.iter().all(|block| block.starts_with("contents: read\n")));
    let count = |what: &str| workflow.matches(what).count();
    assert_eq!(count("runs-on:"), count("timeout-minutes:"), "each job has a time-out");
}

#[test]
fn the_example_environment_names_exactly_the_keys_that_are_read() {
    let source = file("src/config/keys.rs");
    let read: BTreeSet<_> = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": &str = \"KWTSMS_"))
        .map(|(_, rest)| format!("KWTSMS_{}", rest.trim_end_matches("\";")))
        .collect();
    assert!(read.len() >= 6, "{read:?}");
    let example = file(".env.example");
    let named: BTreeSet<_> = example
        .lines()
        .filter_map(|line| Some(line.trim_start_matches(['#', ' ']).split_once('=')?.0.to_owned()))
        .filter(|key| key.starts_with("KWTSMS_"))
        .collect();
    assert_eq!(named, read);
}

#[test]
fn every_dependency_has_its_reason_in_contributing() {
    let rows = rows(&file("CONTRIBUTING.md"), "## Dependencies, and why");
    let mut told = BTreeSet::new();
    for row in &rows {
        // `name, name (feature)`, `name, as alias (dev)`
        for name in row[0].split('(').next().unwrap().split(',') {
            told.insert(name.trim().trim_start_matches("as ").trim_matches('`').to_owned());
        }
        assert!(!row[1].is_empty(), "{}: no reason", row[0]);
    }
    let mut used = BTreeSet::new();
    for manifest in MANIFESTS {
        let text = file(manifest);
        let headings = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix("dependencies]"));
        used.extend(headings.flat_map(|of| table_of(manifest, &format!("{of}dependencies")).into_keys()));
    }
    used.remove("kwtsms-async");
    let untold: Vec<_> = used.difference(&told).collect();
    assert!(untold.is_empty(), "not in the table of CONTRIBUTING.md: {untold:?}");
    // The official crate stands in the table by its own name too.
    let gone: Vec<_> = told.difference(&used).filter(|name| *name != "kwtsms").collect();
    assert!(gone.is_empty(), "in the table and not in Cargo.toml: {gone:?}");
}

#[test]
fn optional_dependencies_say_which_feature_needs_them() {
    let rows = rows(&file("CONTRIBUTING.md"), "## Dependencies, and why");
    let features = table("features");
    for (name, value) in table("dependencies").iter().filter(|(_, value)| value.contains("optional = true")) {
        assert!(value.contains("version"), "{name}");
        let row = rows
            .iter()
            .find(|row| row[0].split([',', ' ', '(']).any(|word| word.trim_matches('`') == name))
            .unwrap();
        let told = quoted(&row[0]);
        let needing: BTreeSet<_> = features
            .iter()
            .filter(|(_, list)| list.contains(&format!("\"dep:{name}\"")))
            .map(|(key, _)| key.clone())
            .collect();
        assert!(
            needing.iter().any(|feature| told.contains(feature)),
            "{name}: {told:?}, needed by {needing:?}"
        );
    }
}
