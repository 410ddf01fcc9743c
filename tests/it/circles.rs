//! No two files use each other, not even by way of others: inside the folders of the library and in the command too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::layers::rust_files;

/// Files that are one concept and stay as they are: an error and what it accounts for, a value and its error, a code
/// and its row.
const KEPT: [&[&str]; 2] = [
    &["error/failure.rs", "report/batch.rs", "report/send_report.rs"],
    &["code/api_code.rs", "code/table.rs"],
];

type Module = Vec<String>;

/// The files of a crate: which module each is, and what each uses.
#[derive(Default)]
struct Crate {
    files: BTreeMap<Module, String>,
    code: BTreeMap<Module, String>,
    /// What a module hands on: the name, and the path of what it names.
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Crate {
    /// Reads `(path below the root, text)`; the root module is `root`.
    fn new(root: &str, sources: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut read = Self::default();
        for (file, text) in sources {
            let module = if file == root { Vec::new() } else { module(&file) };
            read.code.insert(module.clone(), code(&text));
            read.files.insert(module, file);
        }
        for (module, code) in &read.code {
            let exports = code.match_indices("use ").filter(|(at, _)| is_export(code, *at));
            let exports = exports.flat_map(|(at, _)| paths(&code[at + 4..]));
            let exports = exports.filter_map(|(path, name)| Some((name, read.absolute(module, &path)?)));
            read.exports.insert(module.clone(), exports.collect());
        }
        read
    }

    fn of_folder(folder: &Path, root: &str) -> Self {
        let name = |file: &Path| file.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        let files = rust_files(folder).into_iter().map(|file| (name(&file), file));
        let files = files.filter(|(name, _)| {
            !name.split('/').any(|part| part == "tests" || part == "tests.rs")
                && (root != "lib.rs" || !name.starts_with("bin/"))
        });
        Self::new(root, files.map(|(name, file)| (name, std::fs::read_to_string(file).unwrap())))
    }

    /// A path as it stands in a module's code, from the crate's root; `None` if it leads out of the crate.
    fn absolute(&self, module: &Module, path: &[String]) -> Option<Module> {
        let (first, mut rest) = path.split_first()?;
        let mut from = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.clone(),
            "super" => module[..module.len().checked_sub(1)?].to_vec(),
            child => {
                let child: Module = module.iter().cloned().chain([child.to_owned()]).collect();
                self.code.contains_key(&child).then_some(())?;
                child
            }
        };
        while let Some(("super", more)) = rest.split_first().map(|(name, more)| (name.as_str(), more)) {
            from.pop()?;
            rest = more;
        }
        from.extend(rest.iter().cloned());
        Some(from)
    }

    /// The module in which the end of a path is defined.
    fn home(&self, path: &[String]) -> Option<Module> {
        let deepest = (0..=path.len()).rev().find(|&length| self.code.contains_key(&path[..length]))?;
        let (module, rest) = path.split_at(deepest);
        // A module whose file stands elsewhere, by `#[path]`.
        if rest.first().is_some_and(|name| self.code[module].contains(&format!("mod {name};"))) {
            return None;
        }
        match rest.first().and_then(|name| self.exports[module].get(name)) {
            Some(target) if target.as_slice() != path => {
                let target: Module = target.iter().chain(&rest[1..]).cloned().collect();
                self.home(&target)
            }
            _ => Some(module.to_vec()),
        }
    }

    /// The files that each file uses.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::new();
        for (module, code) in &self.code {
            let children = self.code.keys().filter(|other| {
                other.len() == module.len() + 1 && other.starts_with(module) && !module.is_empty()
                    || module.is_empty() && other.len() == 1
            });
            let roots = children.map(|child| child[child.len() - 1].as_str());
            let roots: Vec<&str> = roots.chain(["crate", "super", "self"]).collect();
            let mut used = BTreeSet::new();
            for root in roots {
                for (at, _) in code.match_indices(&format!("{root}::")) {
                    let before = code[..at].chars().next_back();
                    if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                        || is_export(code, code[..at].rfind("use ").unwrap_or(0))
                            && !code[code[..at].rfind("use ").unwrap_or(0)..at].contains(';')
                    {
                        continue; // the middle of another path, or handed on and not used
                    }
                    for (path, _) in paths(&code[at..]) {
                        let home = self.absolute(module, &path).and_then(|path| self.home(&path));
                        used.extend(
                            home.filter(|home| home != module).map(|home| self.files[&home].as_str()),
                        );
                    }
                }
            }
            edges.insert(self.files[module].as_str(), used);
        }
        edges
    }

    /// The groups of files that hang together in circles.
    fn circles(&self) -> Vec<Vec<String>> {
        let edges = self.edges();
        let reach = |from: &str| {
            let mut seen = BTreeSet::new();
            let mut next: Vec<&str> = edges[from].iter().copied().collect();
            while let Some(file) = next.pop() {
                if seen.insert(file) {
                    next.extend(&edges[file]);
                }
            }
            seen
        };
        let reach: BTreeMap<_, _> = edges.keys().map(|&file| (file, reach(file))).collect();
        let mut circles = BTreeSet::new();
        for (file, reached) in reach.iter().filter(|(file, reached)| reached.contains(*file)) {
            let circle = reached.iter().filter(|other| reach[*other].contains(file));
            circles.insert(circle.map(ToString::to_string).collect::<Vec<_>>());
        }
        circles.into_iter().collect()
    }
}

/// The module that a file is.
fn module(file: &str) -> Module {
    let name = file.trim_end_matches(".rs").trim_end_matches("/mod");
    name.split('/').map(str::to_owned).collect()
}

/// The text without comments and without the tests at its end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// True if the `use` at this place hands on what it names.
fn is_export(code: &str, at: usize) -> bool {
    let line = code[..at].rsplit('\n').next().unwrap_or_default().trim();
    code[at..].starts_with("use ") && (line == "pub" || line.starts_with("pub("))
}

/// The paths that begin here, those in braces one by one, each with the name that it is known by.
fn paths(code: &str) -> Vec<(Vec<String>, String)> {
    let (mut found, mut rest) = (Vec::new(), code);
    tree(&mut rest, &[], &mut found);
    found
}

fn tree(rest: &mut &str, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut path = before.to_vec();
    loop {
        *rest = rest.trim_start();
        if let Some(group) = rest.strip_prefix('{') {
            *rest = group;
            while !rest.is_empty() && !rest.trim_start().starts_with('}') {
                tree(rest, &path, found);
                *rest = rest.trim_start();
                match rest.strip_prefix(',') {
                    Some(more) => *rest = more,
                    None => break,
                }
            }
            *rest = rest.trim_start().strip_prefix('}').unwrap_or_default();
            return;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, more) = rest.split_at(end);
        *rest = more;
        if name.is_empty() {
            *rest = rest.strip_prefix('*').unwrap_or(rest);
            return;
        }
        if name != "self" || path.is_empty() {
            path.push(name.to_owned());
        }
        match rest.strip_prefix("::") {
            Some(more) => *rest = more,
            None => break,
        }
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if let Some(renamed) = rest.trim_start().strip_prefix("as ") {
        let end = renamed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(renamed.len());
        let (new, more) = renamed.split_at(end);
        new.clone_into(&mut name);
        *rest = more;
    }
    found.push((path, name));
}

#[test]
fn no_files_of_the_library_hang_together_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let library = Crate::of_folder(&root, "lib.rs");
    assert!(library.files.len() > 80, "the sources are not where they were");
    let mut circles = library.circles();
    circles
        .retain(|circle| !KEPT.contains(&circle.iter().map(String::as_str).collect::<Vec<_>>().as_slice()));
    assert_eq!(circles, Vec::<Vec<String>>::new());
}

#[test]
fn no_files_of_the_command_hang_together_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/kwtsms");
    let command = Crate::of_folder(&root, "main.rs");
    assert!(command.files.len() > 30, "the sources are not where they were");
    assert_eq!(command.circles(), Vec::<Vec<String>>::new());
}

#[test]
fn a_planted_circle_is_found() {
    let planted = |sources: &[(&str, &str)]| {
        let owned = sources.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        Crate::new("lib.rs", owned).circles()
    };
    let circle = |files: &[&str]| vec![files.iter().map(ToString::to_string).collect::<Vec<_>>()];
    for (sources, files) in [
        (
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B;"),
                ("b.rs", "fn f() -> super::a::A {}"),
            ][..],
            &["a.rs", "b.rs"][..],
        ),
        (
            &[
                ("lib.rs", "mod a;\nmod b;\npub use b::B;"),
                ("a.rs", "use crate::{x, B as C};"),
                ("b.rs", "use crate::a::{self, A};"),
            ],
            &["a.rs", "b.rs"],
        ),
        (
            &[
                ("lib.rs", "mod a;"),
                ("a/mod.rs", "mod b;\nmod c;\nuse c::C;\npub(crate) trait T {}"),
                ("a/b.rs", "use super::T;"),
                ("a/c.rs", "use super::b::B;"),
            ],
            &["a/b.rs", "a/c.rs", "a/mod.rs"],
        ),
        (&[("lib.rs", "mod a;\nuse a::A;\nstruct Root;"), ("a.rs", "use crate::Root;")], &["a.rs", "lib.rs"]),
    ] {
        assert_eq!(planted(sources), circle(files), "{sources:?}");
    }
    for sources in [
        // A folder's trait is used by its files, which the folder hands on.
        &[
            ("lib.rs", "mod a;\npub use a::{B, T};"),
            ("a/mod.rs", "mod b;\nmod c;\npub use b::B;\npub(crate) use c::{C,\n    D};\npub trait T {}"),
            ("a/b.rs", "use super::{T, C};\nuse other::crate_name::a;"),
            ("a/c.rs", "use super::T; // and not super::b"),
        ][..],
        &[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;"),
            ("b.rs", "\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}"),
        ],
    ] {
        assert_eq!(planted(sources), Vec::<Vec<String>>::new(), "{sources:?}");
    }
}
