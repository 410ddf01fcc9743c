//! What stands in angle brackets.

/// What `<…>` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Angle {
    /// A tag that stands between lines: `<br>`, `</p>`.
    Block,
    /// A tag within a line, a comment, a declaration.
    Inline,
    /// An address, as mail programs and Markdown write it: `<https://…>`.
    Address,
    /// A tag by its name, which is an everyday word, and nothing else: a placeholder, unless it is closed further on.
    Word,
    /// None of these: in all likelihood a placeholder that nobody filled in.
    Unknown,
}

/// True if a `<` before these bytes opens something: by the HTML standard (13.2.5.6, tag open state) before an ASCII
/// letter, `/`, `!` and `?`, and as a placeholder before a letter of any script.
#[inline]
pub(super) fn opens(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!' | b'?') => true,
        Some(0x80..) => {
            let character = &rest[..rest.len().min(4)];
            let valid = match std::str::from_utf8(character) {
                Ok(text) => text,
                Err(error) => std::str::from_utf8(&character[..error.valid_up_to()]).unwrap_or_default(),
            };
            valid.chars().next().is_some_and(char::is_alphabetic)
        }
        _ => false,
    }
}

/// Tells what stands between a `<` that [opens](opens) something and its `>`.
pub(super) fn angle(content: &str) -> Angle {
    if let Some(declared) = content.strip_prefix('!') {
        return if holds_text(declared) { Angle::Unknown } else { Angle::Inline };
    }
    if let Some(code) = content.strip_prefix('?') {
        return if starts_with(code, "xml") { Angle::Inline } else { Angle::Unknown };
    }
    let inside = content.strip_prefix('/').unwrap_or(content);
    let end = inside.bytes().position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'<'));
    let end = end.unwrap_or(inside.len());
    let name = &inside[..end];
    // `</>` and `</ p>` are nothing to a browser; `<o:p>` is Word's.
    if name.is_empty() {
        return Angle::Inline;
    }
    if let [prefix, b':', local @ ..] = name.as_bytes()
        && prefix.is_ascii_alphabetic()
        && !local.is_empty()
        && local.iter().all(u8::is_ascii_alphabetic)
    {
        return Angle::Inline;
    }
    if let Some(kind) = element(name) {
        let alone = content.len() == name.len();
        return if alone && is_word(name) { Angle::Word } else { kind };
    }
    if is_address(content) { Angle::Address } else { Angle::Unknown }
}

/// True for a `<!` that is neither comment nor declaration and whose text would go with it: `<![CDATA[…]]>`, a chat's
/// `<!channel>`.
fn holds_text(declared: &str) -> bool {
    let declarations = ["doctype", "element", "attlist", "entity", "notation"];
    starts_with(declared, "[cdata[")
        || declared.starts_with(char::is_alphabetic)
            && !declarations.iter().any(|known| starts_with(declared, known))
}

fn starts_with(text: &str, lower: &str) -> bool {
    text.as_bytes().get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
}

/// True if a text closes an element: `</code`.
pub(super) fn closes(text: &str, name: &str) -> bool {
    text.match_indices("</").any(|(at, _)| {
        text.as_bytes()
            .get(at + 2..at + 2 + name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// The kind of a tag that a [word](Angle::Word) is after all.
pub(super) fn closed_word(name: &str) -> Angle {
    element(name).unwrap_or(Angle::Inline)
}

/// `https://…`, `mailto:…`, `support@example.com`, `www.example.com/abc`.
pub(super) fn is_address(content: &str) -> bool {
    // What no address holds (RFC 3986, appendix A): in `<https://…|here>` and `<https://…/{id}>` it is something else.
    if content.contains(|c: char| c.is_whitespace() || "<\"|{}\\^`".contains(c)) {
        return false;
    }
    if let Some((scheme, rest)) = content.split_once(':')
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
    {
        let known = ["mailto", "tel", "sms", "geo", "whatsapp"];
        let named = known.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        return !rest.is_empty() && (rest.len() > 2 && rest.starts_with("//") || named);
    }
    // A name with dots alone is a placeholder's as well: `<user.name>`.
    let (host, told) = match content.split_once('@') {
        Some((name, host)) => (host, !name.is_empty()),
        None => (content, content.starts_with("www.") || content.contains('/')),
    };
    let (host, rest) = host.split_at(host.find(['/', '?', '#', ':']).unwrap_or(host.len()));
    told && is_host(host) && !rest.starts_with("://")
}

/// `pay.example.com`
pub(super) fn is_host(host: &str) -> bool {
    let label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    host.contains('.') && host.split('.').all(label)
}

/// The elements of HTML, obsolete ones too, in whatever case.
fn element(name: &str) -> Option<Angle> {
    if let [letter] = name.as_bytes() {
        return match letter.to_ascii_lowercase() {
            b'p' => Some(Angle::Block),
            b'a' | b'b' | b'i' | b'q' | b's' | b'u' => Some(Angle::Inline),
            _ => None,
        };
    }
    let mut lower = [0; 10];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        // Those that begin and end lines, and those of tables, whose cells stand apart.
        b"br" | b"div" | b"li" | b"tr" | b"td" | b"th" | b"ul" | b"ol" | b"dl" | b"dt" | b"dd" | b"h1"
        | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"hr" | b"table" | b"tbody" | b"thead" | b"tfoot"
        | b"caption" | b"section" | b"article" | b"header" | b"footer" | b"main" | b"nav" | b"aside"
        | b"address" | b"blockquote" | b"pre" | b"form" | b"fieldset" | b"legend" | b"figure"
        | b"figcaption" | b"details" | b"summary" | b"dialog" | b"html" | b"head" | b"body" | b"title"
        | b"center" | b"menu" | b"hgroup" | b"search" | b"option" | b"optgroup" | b"select" | b"dir"
        | b"textarea" | b"frameset" | b"listing" | b"xmp" => Some(Angle::Block),
        b"abbr" | b"acronym" | b"applet" | b"area" | b"audio" | b"base" | b"basefont" | b"bdi" | b"bdo"
        | b"bgsound" | b"big" | b"blink" | b"button" | b"canvas" | b"cite" | b"code" | b"col"
        | b"colgroup" | b"data" | b"datalist" | b"del" | b"dfn" | b"em" | b"embed" | b"font" | b"frame"
        | b"iframe" | b"image" | b"img" | b"input" | b"ins" | b"isindex" | b"kbd" | b"keygen" | b"label"
        | b"link" | b"map" | b"mark" | b"marquee" | b"math" | b"meta" | b"meter" | b"nobr" | b"noembed"
        | b"noframes" | b"noscript" | b"object" | b"output" | b"param" | b"picture" | b"plaintext"
        | b"progress" | b"rp" | b"rt" | b"ruby" | b"samp" | b"script" | b"slot" | b"small" | b"source"
        | b"span" | b"strike" | b"strong" | b"style" | b"sub" | b"sup" | b"svg" | b"template" | b"time"
        | b"track" | b"tt" | b"var" | b"video" | b"wbr" | b"rb" | b"rtc" | b"spacer" => Some(Angle::Inline),
        _ => None,
    }
}

/// True for elements whose names people use for what is to be filled in.
fn is_word(name: &str) -> bool {
    // The shortest first.
    const WORDS: [&str; 23] = [
        "code", "time", "address", "title", "link", "data", "label", "option", "summary", "details",
        "object", "source", "track", "output", "section", "button", "image", "area", "search", "select",
        "caption", "body", "header",
    ];
    name.len() >= WORDS[0].len() && WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}
