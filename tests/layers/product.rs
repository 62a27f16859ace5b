//! What of a source file belongs to the product: everything but the items that are compiled for tests alone, wherever in the file
//! they stand.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Where nothing counts as code: comments, strings, characters. Block comments within each other are not told apart.
const NO_CODE: &str = concat!(
    r"(?s)//[^\n]*|/\*.*?\*/",
    r###"|\b[bc]?r##".*?"##|\b[bc]?r#".*?"#|\b[bc]?r"[^"]*""###,
    r#"|"(?:\\.|[^"\\])*""#,
    r"|'(?:\\(?:u\{[^}]*\}|x..|.)|[^\\'])'",
);
/// The attribute of an item that only tests have, with all other attributes and the visibility of that item.
const TESTS_ONLY: &str = r"#\[cfg\((?:test|all\(test\b[^\]]*\))\)\](?:\s*#\[[^\]]*\])*\s*(?:pub(?:\([^)]*\))?\s+)?";
/// The first words of items that end with a semicolon, whatever braces they have.
const STATEMENT: &str = r"^(?:(?:use|static|type|let|extern\s+crate)\b|const\s+\w+\s*:)";
/// The first words of items that end with a block, or with a semicolon where they have none.
const BLOCK: &str = r"^(?:fn|mod|impl|struct|enum|union|trait|const|async|unsafe|extern|macro_rules!)";

/// The text without what only tests have.
pub(crate) fn product(text: &str) -> String {
    static PATTERNS: LazyLock<[Regex; 4]> =
        LazyLock::new(|| [NO_CODE, TESTS_ONLY, STATEMENT, BLOCK].map(|pattern| Regex::new(pattern).expect("a pattern")));
    let [no_code, tests_only, statement, block] = &*PATTERNS;
    // As long as the text, so that a place in one is a place in the other.
    let code = no_code.replace_all(text, |found: &Captures<'_>| " ".repeat(found[0].len()));
    let mut product = String::new();
    let mut kept = 0;
    for attribute in tests_only.find_iter(&code) {
        // One within another is gone already.
        if attribute.start() < kept {
            continue;
        }
        let item = &code[attribute.end()..];
        let ends: &[char] = if statement.is_match(item) {
            &[';']
        } else if block.is_match(item) {
            &[';', '}']
        } else {
            // A field, a variant, an arm.
            &[';', '}', ',']
        };
        product.push_str(&text[kept..attribute.start()]);
        kept = attribute.end() + length(item, ends);
    }
    product + &text[kept..]
}

/// How long an item is: to the first of these ends outside all brackets, or to the end of what it stands in.
fn length(item: &str, ends: &[char]) -> usize {
    let mut depth = 0_usize;
    for (at, character) in item.char_indices() {
        match character {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' if depth == 0 => return at,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && ends.contains(&character) {
            return at + 1;
        }
    }
    item.len()
}

#[test]
fn items_for_tests_are_no_part_of_the_product_and_what_follows_is() {
    for item in [
        "#[cfg(test)]\nmod tests {\n    fn a() { b() }\n}",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(test)]\nuse a::{b, c};",
        "#[cfg(test)]\nconst A: [u8; 2] = B { c: 1 }.d();",
        "#[cfg(test)]\npub(crate) const fn a<T, U>(t: T) -> [u8; 2] { \"}\"; '}'; b'{'; r#\"}\"\"# }",
        "#[cfg(test)]\n#[derive(Debug)]\npub(in crate::a) struct A(u8);",
        "#[cfg(test)]\nimpl<'a, 'b> A<'a> for B<'b> {\n    // }\n    /* } */\n    fn a() { '\\'' }\n}",
        "#[cfg(all(test, unix))]\nfn a() {\n    #[cfg(test)]\n    let b = 1;\n}",
        "#[cfg(test)]\nmacro_rules! a { () => {} }",
    ] {
        let rest = product(&format!("before();\n{item}\nafter();\n"));
        assert_eq!(rest, "before();\n\nafter();\n", "{item}");
    }
    for (text, rest) in [
        ("struct A { #[cfg(test)] b: Vec<u8>, c: u8 }", "struct A {  c: u8 }"),
        ("struct A { c: u8, #[cfg(test)] b: u8 }", "struct A { c: u8, }"),
        ("match a { #[cfg(test)] B => {} C => {} }", "match a {  C => {} }"),
        ("#[cfg(not(test))] fn a() {}", "#[cfg(not(test))] fn a() {}"),
        ("#[cfg(any(test, unix))] fn a() {}", "#[cfg(any(test, unix))] fn a() {}"),
        ("// #[cfg(test)]\nfn a() {}", "// #[cfg(test)]\nfn a() {}"),
        ("let a = \"#[cfg(test)]\"; b()", "let a = \"#[cfg(test)]\"; b()"),
        ("let é = 'é'; #[cfg(test)] use é; b()", "let é = 'é';  b()"),
    ] {
        assert_eq!(product(text), rest, "{text}");
    }
}
