//! What stands between the braces of `type_switch!`, and what is said about it when it cannot stand there.
//!
//! ```text
//! type_switch = [ name "=" ] operand ";" { arm }
//! arm         = cases "=>" body        with a comma after it, unless the body is a block or it is last
//! cases       = [ "|" ] case { "|" case }
//!             | "_"                    at most one, the last
//! case        = "nil" | type
//! ```
//!
//! Every error is under the token or the arm that is wrong. The first one found is the only one.

use crate::arms::{COMMA, NO_BODY, ends_with_block};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Ident, Result, Token, Type};

const HEAD: &str = "expected `name = operand;` or `operand;` before the arms";
const GO: &str = "as in Rust, it is `name = operand;`, without a colon";
const LAST: &str = "`_` stands alone in the last arm: nothing after it could be taken";
const NO_GUARD: &str = "an arm of `type_switch!` has no `if`: look at the value in the body";
const NO_PATTERN: &str = "expected a type: an arm of `type_switch!` has no pattern, the name before the arms is bound \
                          to the value";

/// `name = operand; cases => body, .., _ => default`
pub(super) struct TypeSwitch {
    pub(super) name: Option<Ident>,
    pub(super) operand: Expr,
    /// In source order.
    pub(super) arms: Vec<Arm>,
    pub(super) default: Option<Expr>,
}

/// `case | case => body`
pub(super) struct Arm {
    /// At least one.
    pub(super) cases: Vec<Case>,
    pub(super) body: Expr,
}

pub(super) enum Case {
    Nil,
    Type(Box<Type>),
}

impl Parse for TypeSwitch {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (name, operand) = parse_head(input)?;
        let (mut arms, mut default, mut seen) = (Vec::<Arm>::new(), None, Vec::new());
        while !input.is_empty() {
            if let Some(rest) = input.parse::<Option<Token![_]>>()? {
                if input.peek(Token![|]) {
                    return Err(Error::new_spanned(rest, LAST));
                }
                default = Some(parse_body(input)?);
                if !input.is_empty() {
                    return Err(Error::new_spanned(rest, LAST));
                }
                break;
            }
            let cases = parse_cases(input, &mut seen)?;
            arms.push(Arm { cases, body: parse_body(input)? });
        }
        Ok(TypeSwitch { name, operand, arms, default })
    }
}

/// `name = operand;`
fn parse_head(input: ParseStream<'_>) -> Result<(Option<Ident>, Expr)> {
    if input.is_empty() {
        return Err(input.error(HEAD));
    }
    let mut name = None;
    if input.peek2(Token![=]) && !input.peek2(Token![==]) && !input.peek2(Token![=>]) {
        if input.parse::<Option<Token![_]>>()?.is_none() {
            name = Some(input.parse()?);
        }
        input.parse::<Token![=]>()?;
    } else if input.peek2(Token![:]) && input.peek3(Token![=]) {
        return Err(input.error(GO));
    }
    let operand = input.parse()?;
    match input.parse::<Option<Token![;]>>()? {
        Some(_) => Ok((name, operand)),
        None => Err(input.error(HEAD)),
    }
}

/// `case | case`; `seen` are the cases so far.
fn parse_cases(input: ParseStream<'_>, seen: &mut Vec<String>) -> Result<Vec<Case>> {
    input.parse::<Option<Token![|]>>()?;
    let mut cases = Vec::new();
    loop {
        if let Some(rest) = input.parse::<Option<Token![_]>>()? {
            return Err(Error::new_spanned(rest, LAST));
        }
        let ty: Type = match input.fork().parse::<Type>() {
            Ok(_) => input.parse()?,
            Err(_) => return Err(input.error(NO_PATTERN)),
        };
        let text = ty.to_token_stream().to_string();
        if seen.contains(&text) {
            return Err(Error::new_spanned(ty, "this case was there before"));
        }
        cases.push(if text == "nil" { Case::Nil } else { Case::Type(Box::new(ty)) });
        seen.push(text);
        if input.parse::<Option<Token![|]>>()?.is_none() {
            return Ok(cases);
        }
    }
}

/// `=> body,`
fn parse_body(input: ParseStream<'_>) -> Result<Expr> {
    if input.peek(Token![if]) {
        return Err(input.error(NO_GUARD));
    }
    let Some(arrow) = input.parse::<Option<Token![=>]>>()? else {
        return Err(match input.is_empty() {
            true => input.error("expected `=>` and a body"),
            false if input.peek(syn::token::Paren) || input.peek(syn::token::Brace) => {
                input.error(NO_PATTERN)
            }
            false => input.error("expected `|` or `=>`"),
        });
    };
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new_spanned(arrow, NO_BODY));
    }
    let body = Expr::parse_with_earlier_boundary_rule(input)?;
    let comma: Option<Token![,]> = input.parse()?;
    if comma.is_none() && !ends_with_block(&body) && !input.is_empty() {
        return Err(input.error(COMMA));
    }
    Ok(body)
}
