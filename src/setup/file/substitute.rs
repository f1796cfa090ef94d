//! References to variables, by the specification's "Configuration Data Model", section "Environment variable substitution".

/// A scalar with each `${NAME}`, `${env:NAME}` and `${NAME:-default}` replaced once, and each `$$` a `$`. An error holds
/// nothing of a variable's value.
pub(super) fn substitute(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut whole = String::with_capacity(text.len());
    // An escape parts the text: no reference reaches over it.
    for (index, part) in text.split("$$").enumerate() {
        if index > 0 {
            whole.push('$');
        }
        let mut rest = part;
        while let Some((before, from)) = rest.split_once("${") {
            whole.push_str(before);
            let Some((reference, after)) = closed(from) else {
                // It is never closed, so it is none.
                whole.push_str("${");
                rest = from;
                continue;
            };
            whole.push_str(&value(reference, lookup)?);
            rest = after;
        }
        whole.push_str(rest);
    }
    Ok(whole)
}

/// What is within the braces, and what follows. A default may hold braces of its own, which are not looked into.
fn closed(from: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in from.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((from.get(..at)?, from.get(at + 1..)?)),
            '}' => depth -= 1,
            _ => {}
        }
    }
    from.split_once('}')
}

fn value(reference: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let named = reference.strip_prefix("env:").unwrap_or(reference);
    let (name, default) = match named.split_once(":-") {
        Some((name, default)) => (name, default),
        None => (named, ""),
    };
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        // A default may be a secret.
        let rest = if name == named { "" } else { ":-…" };
        return Err(format!(
            "${{{name}{rest}}} is no reference to a variable: it is written ${{NAME}} or ${{NAME:-default}}, and a $ of its own $$"
        ));
    }
    let value = lookup(name).filter(|value| !value.is_empty());
    Ok(value.unwrap_or_else(|| default.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "STRING_VALUE" => "value",
            "FLOAT_VALUE" => "1.1",
            "EMPTY" => "",
            "REPLACE_ME" => "${DO_NOT_REPLACE_ME}",
            "DO_NOT_REPLACE_ME" => "Never use this value",
            "VALUE_WITH_ESCAPE" => "value$$",
            _ => return None,
        };
        Some(value.to_owned())
    }

    /// The specification's own table.
    #[test]
    fn the_specifications_examples() {
        for (text, want) in [
            ("${STRING_VALUE}", "value"),
            ("${env:STRING_VALUE}", "value"),
            ("foo ${STRING_VALUE} ${FLOAT_VALUE}", "foo value 1.1"),
            ("${UNDEFINED_KEY}", ""),
            ("${UNDEFINED_KEY:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${REPLACE_ME}", "${DO_NOT_REPLACE_ME}"),
            ("${UNDEFINED_KEY:-${STRING_VALUE}}", "${STRING_VALUE}"),
            ("$${STRING_VALUE}", "${STRING_VALUE}"),
            ("$$${STRING_VALUE}", "$value"),
            ("$$$${STRING_VALUE}", "$${STRING_VALUE}"),
            ("$${STRING_VALUE:-fallback}", "${STRING_VALUE:-fallback}"),
            (
                "$${STRING_VALUE:-${STRING_VALUE}}",
                "${STRING_VALUE:-value}",
            ),
            (
                "${UNDEFINED_KEY:-$${UNDEFINED_KEY}}",
                "${UNDEFINED_KEY:-${UNDEFINED_KEY}}",
            ),
            ("${VALUE_WITH_ESCAPE}", "value$$"),
            ("a $$ b", "a $ b"),
            ("a $ b", "a $ b"),
            ("${", "${"),
        ] {
            assert_eq!(substitute(text, &lookup).as_deref(), Ok(want), "{text}");
        }
        for text in [
            "${STRING_VALUE:?error}",
            "${1API_KEY}",
            "${API_$KEY}",
            "${}",
        ] {
            let error = substitute(text, &lookup).unwrap_err();
            assert!(error.contains(text), "{text}: {error}");
        }
        let error = substitute("${API-KEY:-hush}", &lookup).unwrap_err();
        assert!(!error.contains("hush"), "{error}");
    }
}
