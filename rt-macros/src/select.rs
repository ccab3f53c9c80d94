//! `select!`: from arms to one call of `::rt::__private::select` and a `match` on what it chose.
//!
//! ```text
//! {
//!     enum __RtChosen<T0> { Case0(T0), Case1, Default }
//!     let __rt_chosen = match (recv_case(&(rx)), send_case(&(tx), value), Wait::For(duration),) {
//!         (mut __rt_c0, mut __rt_c1, __rt_wait,) => {
//!             match select([RecvCase::arm(&mut __rt_c0), SendCase::arm(&mut __rt_c1)], false, __rt_wait) {
//!                 None => __RtChosen::Default,
//!                 Some(0) => __RtChosen::Case0(__rt_c0.finish()),
//!                 _ => { let _ = __rt_c1.finish(); __RtChosen::Case1 }
//!             }
//!         }
//!     };
//!     match __rt_chosen {
//!         __RtChosen::Case0(__rt_result) => { let pattern = { __rt_result }; match () { () => body } }
//!         ..
//!     }
//! }
//! ```
//!
//! Invariants of the expansion:
//!
//! 1. Operands are evaluated once, in source order, before anything waits: they stand in one tuple. They are arguments
//!    there, of functions that name their types, so they coerce as arguments do (a slot is reborrowed, not moved).
//! 2. Temporaries of operands live in the scrutinee of a `let`: through the waiting and to its end, so that a lock
//!    guard in an operand is released before the body runs. The cases, and with them values that were not sent, are
//!    dropped even before.
//! 3. Patterns and bodies are in no closure: `break`, `continue`, `return` and `?` are those of the function around.
//!    Only the winner's are evaluated. A body is the whole of a match arm, not the last expression of a block: its own
//!    temporaries end before its pattern's bindings, and no lint finds its braces unnecessary.
//! 4. A result that no pattern wants, or `_`, is dropped before the body.
//! 5. No name of ours can meet a name of the user's. Our locals have mixed-site hygiene, which tells them from the user's
//!    locals, but not from constants and statics: a pattern that names one of those is no binding. An item has no hygiene at
//!    all. Therefore the odd names of both.
//! 6. Our tokens have our macro's context, for lints to leave them alone, and are located at the operation they belong
//!    to, for errors to be shown there. Only `finish()`, which may panic, is wholly at the user's word: the message
//!    then says which arm it was.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote_spanned};
use syn::{Error, Expr, Ident, Pat};

use crate::arms::scoped;
use parse::{Arm, Operation, Select};

mod parse;

/// Tokens of ours, located at the whole `select!`.
macro_rules! ours {
    ($($token:tt)*) => { quote_spanned!(Span::mixed_site()=> $($token)*) };
}

/// The expansion of `select!(input)`; an error becomes a `compile_error!` under the tokens it is about.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<Select>(input) {
        Ok(select) => expand_select(&select),
        Err(error) => Error::into_compile_error(error),
    }
}

fn expand_select(Select { biased, arms }: &Select) -> TokenStream {
    match &arms[..] {
        [] => ours!({ ::rt::__private::select_forever() }),
        // Nothing to look at, and no time to wait for.
        [Arm { operation: Operation::Default(None), body, .. }] => {
            let body = scoped(body);
            ours!({ #body })
        }
        arms => {
            let chosen = chosen(arms);
            let choice = choice(arms, *biased);
            let branches = arms.iter().enumerate().map(|(i, arm)| branch(i, arm));
            ours! {
                {
                    #chosen
                    let __rt_chosen = #choice;
                    match __rt_chosen { #(#branches)* }
                }
            }
        }
    }
}

/// The enum of what can happen: a variant for each arm, with a field where the arm has a use for the result.
fn chosen(arms: &[Arm]) -> TokenStream {
    let wanted = |(i, arm)| wanted(arm).map(|_| format_ident!("T{i}", span = Span::mixed_site()));
    let parameters: Vec<Option<Ident>> = arms.iter().enumerate().map(wanted).collect();
    let variants = arms.iter().zip(&parameters).enumerate().map(|(i, (arm, parameter))| {
        let variant = variant(i, arm);
        let field = parameter.iter();
        ours!(#variant #((#field))*)
    });
    let parameters = parameters.iter().flatten();
    ours!(enum __RtChosen<#(#parameters),*> { #(#variants),* })
}

/// The expression that evaluates the operands, waits, and says what happened.
fn choice(arms: &[Arm], biased: bool) -> TokenStream {
    let (mut patterns, mut operands, mut cases) = (Vec::new(), Vec::new(), Vec::new());
    let mut outcomes = Vec::new();
    let mut wait = ours!(::rt::__private::Wait::Forever);
    for (i, arm) in arms.iter().enumerate() {
        let variant = variant(i, arm);
        if let Operation::Default(duration) = &arm.operation {
            wait = ours!(::rt::__private::Wait::Never);
            if let Some(duration) = duration {
                patterns.push(ours!(__rt_wait));
                operands.push(call(arm, "Wait::For", duration.to_token_stream()));
                wait = ours!(__rt_wait);
            }
            outcomes.push((ours!(::core::option::Option::None), ours!(__RtChosen::#variant)));
            continue;
        }
        let case = format_ident!("__rt_c{i}", span = ours_at(arm.word.span()));
        patterns.push(ours!(mut #case));
        operands.push(operand(arm));
        let index = Literal::usize_unsuffixed(cases.len());
        let finish = finish(arm, &case);
        let outcome = match wanted(arm) {
            Some(_) => ours!(__RtChosen::#variant(#finish)),
            None => ours!({ let _ = #finish; __RtChosen::#variant }),
        };
        outcomes.push((ours!(::core::option::Option::Some(#index)), outcome));
        cases.push(armed(arm, &case));
    }
    // What is left.
    if let Some((pattern, _)) = outcomes.last_mut() {
        *pattern = ours!(_);
    }
    let outcomes = outcomes.iter().map(|(pattern, outcome)| ours!(#pattern => #outcome,));
    ours! {
        match (#(#operands,)*) {
            (#(#patterns,)*) => {
                match ::rt::__private::select([#(#cases),*], #biased, #wait) {
                    #(#outcomes)*
                }
            }
        }
    }
}

/// `RecvCase::arm(&mut case)`. Not as a method: a blanket trait of the user's may have one of that name, which takes its receiver
/// by value and so would be found first.
fn armed(arm: &Arm, case: &Ident) -> TokenStream {
    let ty = match &arm.operation {
        Operation::Recv(_) => ours!(RecvCase),
        Operation::Send(..) => ours!(SendCase),
        Operation::SendFrom(..) => ours!(SendFromCase),
        Operation::Default(_) => unreachable!("`default` is no case"),
    };
    ours!(::rt::__private::#ty::arm(&mut #case))
}

/// The call that makes the case of `arm` out of its operands.
fn operand(arm: &Arm) -> TokenStream {
    let (function, channel, second) = match &arm.operation {
        Operation::Recv(rx) => ("recv_case", rx, None),
        Operation::Send(tx, value) => ("send_case", tx, Some(value)),
        Operation::SendFrom(tx, slot) => ("send_from_case", tx, Some(slot)),
        Operation::Default(_) => unreachable!("`default` is no case"),
    };
    let channel = borrowed(channel);
    let second = second.into_iter();
    call(arm, function, quote_spanned!(ours_at(arm.word.span())=> #channel #(, #second)*))
}

/// `::rt::__private::function(arguments)`, located at the operation: its word, its parentheses.
fn call(arm: &Arm, function: &str, arguments: TokenStream) -> TokenStream {
    let at = ours_at(arm.word.span());
    let path = function.split("::").map(|name| Ident::new(name, at));
    let arguments = quote_spanned!(ours_at(arm.parentheses)=> (#arguments));
    quote_spanned!(at=> ::rt::__private #(::#path)* #arguments)
}

/// `&(place)`, located from the first to the last token of the operand: a place stays where it is.
fn borrowed(place: &Expr) -> TokenStream {
    let mut tokens = place.to_token_stream().into_iter().map(|token| token.span());
    let first = tokens.next().unwrap_or_else(Span::mixed_site);
    let last = tokens.last().unwrap_or(first);
    let place = quote_spanned!(ours_at(last)=> (#place));
    quote_spanned!(ours_at(first)=> &#place)
}

/// `case.finish()`, at the user's word (invariant 6).
fn finish(arm: &Arm, case: &Ident) -> TokenStream {
    quote_spanned!(arm.word.span()=> #case.finish())
}

/// The arm of the last `match`: pattern and body.
fn branch(i: usize, arm: &Arm) -> TokenStream {
    let (variant, body) = (variant(i, arm), &arm.body);
    match wanted(arm) {
        None => ours!(__RtChosen::#variant => #body,),
        Some(pattern) => {
            // Located at the operation: "this expression has type `Option<_>`". Braces around a use of it: clippy's pedants find
            // that a name with an underscore is bound to no effect (`no_effect_underscore_binding`).
            let at = ours_at(arm.word.span());
            let result = Ident::new("__rt_result", at);
            let value = quote_spanned!(at=> { #result });
            let body = scoped(body);
            // `let` takes no `A | B` without parentheses.
            let pattern = match pattern {
                Pat::Or(_) => ours!((#pattern)),
                pattern => pattern.to_token_stream(),
            };
            ours!(__RtChosen::#variant(#result) => { let #pattern = #value; #body })
        }
    }
}

/// The pattern that the result is bound to, unless it is ignored.
fn wanted(arm: &Arm) -> Option<&Pat> {
    arm.pattern.as_ref().filter(|pattern| !matches!(pattern, Pat::Wild(_)))
}

/// The arm's name in the enum.
fn variant(i: usize, arm: &Arm) -> Ident {
    match arm.operation {
        Operation::Default(_) => Ident::new("Default", Span::mixed_site()),
        _ => format_ident!("Case{i}", span = Span::mixed_site()),
    }
}

/// In our context, shown where `span` is.
fn ours_at(span: Span) -> Span {
    Span::mixed_site().located_at(span)
}

#[cfg(test)]
mod tests;
