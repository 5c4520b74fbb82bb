//! The values that arguments have: literals that pass a check, words of closed lists, paths.

use proc_macro2::Span;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path};

use crate::diagnostics::Errors;

/// Each severity as it is written, and its name in `audit-core`.
pub(crate) const SEVERITIES: [(&str, &str); 5] = [
    ("debug", "Debug"),
    ("info", "Info"),
    ("warning", "Warning"),
    ("error", "Error"),
    ("critical", "Critical"),
];

/// Each sensitivity as it is written, and its name in `audit-core`.
pub(crate) const SENSITIVITIES: [(&str, &str); 4] =
    [("low", "Low"), ("medium", "Medium"), ("high", "High"), ("critical", "Critical")];

/// The value of a string argument, if it is a literal that passes the check.
pub(crate) fn string(
    value: Expr,
    example: &str,
    check: fn(&str) -> Result<(), String>,
    errors: &mut Errors,
) -> Option<LitStr> {
    match bare(value) {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => match check(&text.value()) {
            Ok(()) => Some(text),
            Err(message) => {
                errors.at(text, message);
                None
            }
        },
        other => {
            errors.at(other, format!("expected a string literal, as in `{example}`"));
            None
        }
    }
}

/// The string literal that this is, if it is one.
pub(crate) fn literal(value: &Expr) -> Option<&LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}

/// The value without the invisible parentheses in which a `macro_rules!` macro passes it on.
pub(crate) fn bare(value: Expr) -> Expr {
    match value {
        Expr::Group(group) => bare(*group.expr),
        value => value,
    }
}

/// The variant that a word of a closed list stands for.
pub(crate) fn word(
    value: Expr,
    example: &str,
    words: &[(&str, &str)],
    errors: &mut Errors,
) -> Option<Ident> {
    if let Expr::Path(path) = &value
        && let Some(ident) = path.path.get_ident()
        && let Some((_, variant)) = words.iter().find(|(word, _)| ident == word)
    {
        return Some(Ident::new(variant, Span::mixed_site()));
    }
    let words: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    errors.at(value, format!("expected one of {}, as in `{example}`", words.join(", ")));
    None
}

/// The path of the crate that stands for `audit-core`.
pub(crate) fn crate_path(value: Expr, example: &str, errors: &mut Errors) -> Option<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Some(path.path),
        other => {
            errors.at(other, format!("expected the path of a crate, as in `{example}`"));
            None
        }
    }
}
