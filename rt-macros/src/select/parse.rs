//! What stands between the braces of `select!`, and what is said about it when it cannot stand there.
//!
//! ```text
//! select    = [ "biased" ";" ] { arm }
//! arm       = operation [ "->" pattern ] "=>" body     with a comma after it, unless the body is a block or it is last
//! operation = "recv" "(" channel ")"
//!           | "send" "(" channel "," value ")"
//!           | "send_from" "(" channel "," slot ")"
//!           | "default" [ "(" [ duration ] ")" ]      without a pattern; at most one, anywhere
//! ```
//!
//! Every error is under the token or the arm that is wrong. The first one found is the only one.

use crate::arms::{COMMA, NO_BODY, ends_with_block};
use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::token::{Brace, Paren};
use syn::{Error, Expr, Ident, Pat, PatIdent, Path, Result, Token, parenthesized};

const OPERATIONS: &str = "expected `recv(rx) -> v => ..`, `send(tx, value) => ..`, `send_from(tx, slot) => ..` or `default => ..`";
const BIASED_FIRST: &str = "`biased;` stands before the first arm";
const NO_GUARD: &str = "an arm of `select!` has no `if`: to switch it off, give it a channel that is never ready, \
                        `Chan::nil()` or `chan::never()`";
const REFUTABLE: &str = "this pattern does not match every result: bind the result and look at it in the body, \
                         `-> v => match v { .. }`";

/// `biased; arm, arm`
pub(super) struct Select {
    /// In source order instead of at random.
    pub(super) biased: bool,
    /// In source order; at most one of them is `default`.
    pub(super) arms: Vec<Arm>,
}

/// `recv(rx) -> pattern => body`
pub(super) struct Arm {
    /// `recv`, as the user wrote it; errors about the operation as a whole are located here.
    pub(super) word: Ident,
    /// `(rx)`, or the word again if there is nothing between parentheses.
    pub(super) parentheses: Span,
    pub(super) operation: Operation,
    pub(super) pattern: Option<Pat>,
    pub(super) body: Expr,
}

pub(super) enum Operation {
    /// `recv(rx)`
    Recv(Expr),
    /// `send(tx, value)`
    Send(Expr, Expr),
    /// `send_from(tx, slot)`
    SendFrom(Expr, Expr),
    /// `default`, `default(duration)`
    Default(Option<Expr>),
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut select = Select { biased: parse_biased(input)?, arms: Vec::new() };
        let mut has_default = false;
        while !input.is_empty() {
            let arm: Arm = input.parse()?;
            if matches!(arm.operation, Operation::Default(_))
                && std::mem::replace(&mut has_default, true)
            {
                return Err(Error::new(arm.word.span(), "a `select!` has one `default` at most"));
            }
            let comma: Option<Token![,]> = input.parse()?;
            if comma.is_none() && !ends_with_block(&arm.body) && !input.is_empty() {
                return Err(input.error(COMMA));
            }
            select.arms.push(arm);
        }
        Ok(select)
    }
}

/// `biased;`, if it is there.
fn parse_biased(input: ParseStream<'_>) -> Result<bool> {
    match input.fork().parse::<Ident>() {
        Ok(word) if word == "biased" => {}
        _ => return Ok(false),
    }
    let word: Ident = input.parse()?;
    match input.parse::<Option<Token![;]>>()? {
        Some(_) => Ok(true),
        None => Err(Error::new(word.span(), "expected `;` after this: `biased;`")),
    }
}

impl Parse for Arm {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![#]) {
            return Err(input.error("an arm of `select!` has no attributes"));
        }
        if input.peek(Token![if]) {
            return Err(input.error(NO_GUARD));
        }
        if !input.peek(Ident) {
            return Err(input.error(OPERATIONS));
        }
        let word: Ident = input.parse()?;
        let (operation, parentheses) = parse_operation(&word, input)?;
        let pattern = parse_pattern(&operation, input)?;
        if input.peek(Token![if]) {
            return Err(input.error(NO_GUARD));
        }
        let Some(arrow) = input.parse::<Option<Token![=>]>>()? else {
            return Err(match (input.is_empty(), &operation, &pattern) {
                (true, ..) => Error::new(word.span(), "this arm has no `=>` and no body"),
                (_, Operation::Default(_), _) | (_, _, Some(_)) => input.error("expected `=>`"),
                (_, _, None) => input.error("expected `-> pattern` or `=>`"),
            });
        };
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new_spanned(arrow, NO_BODY));
        }
        let body = Expr::parse_with_earlier_boundary_rule(input)?;
        Ok(Arm { word, parentheses, operation, pattern, body })
    }
}

/// What follows the word, up to the closing parenthesis.
fn parse_operation(word: &Ident, input: ParseStream<'_>) -> Result<(Operation, Span)> {
    let name = word.to_string();
    let (operands, form) = match name.as_str() {
        "recv" => (1..=1, "`recv` takes one operand, the channel: `recv(rx)`"),
        "send" => {
            (2..=2, "`send` takes two operands, the channel and the value: `send(tx, value)`")
        }
        "send_from" => (
            2..=2,
            "`send_from` takes two operands, the channel and a `&mut Option` that holds the value: \
             `send_from(tx, &mut slot)`",
        ),
        "default" => {
            (0..=1, "`default` takes one operand at most: how long to wait, `default(duration)`")
        }
        "biased" => return Err(Error::new(word.span(), BIASED_FIRST)),
        _ => return Err(Error::new(word.span(), OPERATIONS)),
    };
    if !input.peek(Paren) {
        return match name.as_str() {
            "default" => Ok((Operation::Default(None), word.span())),
            _ => Err(Error::new(word.span(), form)),
        };
    }
    let content;
    let parentheses = parenthesized!(content in input).span.join();
    let given = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
    if given.len() < *operands.start() {
        return Err(Error::new(parentheses, form));
    }
    if let Some(superfluous) = given.iter().nth(*operands.end()) {
        return Err(Error::new_spanned(superfluous, form));
    }
    let mut given = given.into_iter();
    let operation = match (name.as_str(), given.next(), given.next()) {
        ("recv", Some(rx), None) => Operation::Recv(rx),
        ("send", Some(tx), Some(value)) => Operation::Send(tx, value),
        ("send_from", Some(tx), Some(slot)) => Operation::SendFrom(tx, slot),
        (_, duration, _) => Operation::Default(duration),
    };
    Ok((operation, parentheses))
}

/// `-> pattern`, if it is there.
fn parse_pattern(operation: &Operation, input: ParseStream<'_>) -> Result<Option<Pat>> {
    let Some(arrow) = input.parse::<Option<Token![->]>>()? else {
        return Ok(None);
    };
    if matches!(operation, Operation::Default(_)) {
        return Err(Error::new_spanned(arrow, "`default` has no result: expected `=>`"));
    }
    if input.is_empty() || input.peek(Token![=>]) {
        return Err(Error::new_spanned(arrow, "expected a pattern after this"));
    }
    // Read as a pattern, `name { .. }` would be a struct.
    let goes_on = |input: ParseStream<'_>| {
        input.peek3(Token![=>]) || input.peek3(Token![|]) || input.peek3(Token![if])
    };
    if input.peek(Ident) && input.peek2(Brace) && !goes_on(input) {
        let name: Ident = input.parse()?;
        return Err(Error::new(name.span(), "expected `=>` after this"));
    }
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    if is_one_of_two(&pattern) {
        return Err(Error::new_spanned(pattern, REFUTABLE));
    }
    Ok(Some(pattern))
}

/// Whether this is half of an `Option` or `Result`, which results are, or a single value. For any other pattern rustc
/// says whether it matches everything, but its advice is for the `let` that we make of it.
fn is_one_of_two(pattern: &Pat) -> bool {
    let is_half = |name: &Ident| ["Some", "None", "Ok", "Err"].iter().any(|half| name == half);
    let is_half_path = |path: &Path| path.segments.last().is_some_and(|last| is_half(&last.ident));
    match pattern {
        Pat::Ident(PatIdent { subpat: Some((_, inner)), .. }) => is_one_of_two(inner),
        Pat::Ident(PatIdent { ident, .. }) => is_half(ident),
        Pat::Lit(_) | Pat::Range(_) => true,
        Pat::Paren(inner) => is_one_of_two(&inner.pat),
        Pat::Path(path) => is_half_path(&path.path),
        Pat::TupleStruct(variant) => is_half_path(&variant.path),
        _ => false,
    }
}
