//! `type_switch!`: from arms to a chain of `if let`.
//!
//! ```text
//! match &(x) {
//!     __rt_operand => {
//!         let (__rt_subject, __rt_look) = {
//!             use ::rt::__private::any::{Concrete as _, Interface as _, Object as _, ..};
//!             let __rt_operand = ::rt::__private::any::Peel(__rt_operand);
//!             let __rt_operand = (&&__rt_operand).__rt_peel();
//!             let __rt_operand = (&&__rt_operand).__rt_peel();
//!             let __rt_operand = (&&__rt_operand).__rt_peel();
//!             ((&&&__rt_operand).__rt_subject(), (&&__rt_operand).__rt_value())
//!         };
//!         let __rt_value = __rt_look(__rt_subject);
//!         if let Some(__rt_case) = ::rt::__private::any::case::<bool>(__rt_value) { let v = __rt_case; let _ = &v; body }
//!         else if Option::is_none(&__rt_value) { let v = __rt_subject; let _ = &v; body }
//!         else if Option::is_some(&case::<i32>(__rt_value)) || .. { let v = __rt_subject; let _ = &v; body }
//!         else { let v = __rt_subject; let _ = &v; body }
//!     }
//! }
//! ```
//!
//! Which of the methods of one name is called, the compiler finds out: see `any/switch.rs` in `rt`.
//!
//! Invariants of the expansion:
//!
//! 1. The operand is evaluated once and borrowed; its temporaries live until the end of the switch.
//! 2. Bodies are in no closure: `break`, `continue`, `return` and `?` are those of the function around. No trait of ours is
//!    in scope in them.
//! 3. No name of ours can meet a name of the user's: ours have mixed-site hygiene, and odd names, for constants and statics
//!    know no hygiene.
//! 4. Nor can a method: ours have odd names, or are called by their paths. One of a blanket trait of the user's might be found first.
//! 5. The name for the value may be left unused in any arm, as the name in a pattern of a `match` could not. Without an
//!    `#[allow]`: it is an error where the user forbids the lint.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Ident, Type};

use crate::arms::scoped;
use parse::{Arm, Case, TypeSwitch};

mod parse;

/// Tokens of ours, located at the whole `type_switch!`.
macro_rules! ours {
    ($($token:tt)*) => { quote_spanned!(Span::mixed_site()=> $($token)*) };
}

/// The expansion of `type_switch!(input)`; an error becomes a `compile_error!` under the tokens it is about.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    match syn::parse2::<TypeSwitch>(input) {
        Ok(switch) => expand_switch(&switch),
        Err(error) => Error::into_compile_error(error),
    }
}

fn expand_switch(TypeSwitch { name, operand, arms, default }: &TypeSwitch) -> TokenStream {
    let name = name.as_ref();
    let branches = arms.iter().map(|arm| branch(name, arm));
    let otherwise = match default {
        Some(body) => bound(name, ours!(__rt_subject), scoped(body)),
        None => ours!({}),
    };
    // Located at the operand: "`i32` is no interface value".
    let at =
        operand.to_token_stream().into_iter().next().map_or_else(Span::mixed_site, |t| t.span());
    let at = Span::mixed_site().located_at(at);
    let subject = quote_spanned!(at=> (&&&__rt_operand).__rt_subject());
    let value = quote_spanned!(at=> __rt_look(__rt_subject));
    ours! {
        match &(#operand) {
            __rt_operand => {
                let (__rt_subject, __rt_look) = {
                    use ::rt::__private::any::{
                        Concrete as _, Errors as _, Interface as _, Object as _, Plain as _, Pointer as _,
                        Values as _,
                    };
                    let __rt_operand = ::rt::__private::any::Peel(__rt_operand);
                    let __rt_operand = (&&__rt_operand).__rt_peel();
                    let __rt_operand = (&&__rt_operand).__rt_peel();
                    let __rt_operand = (&&__rt_operand).__rt_peel();
                    (#subject, (&&__rt_operand).__rt_value())
                };
                let __rt_value = #value;
                #(#branches else)* #otherwise
            }
        }
    }
}

/// `if .. { body }`
fn branch(name: Option<&Ident>, Arm { cases, body }: &Arm) -> TokenStream {
    let body = scoped(body);
    if let [Case::Type(ty)] = &cases[..] {
        let (case, body) = (look(ty), bound(name, ours!(__rt_case), body));
        return ours!(if let ::core::option::Option::Some(__rt_case) = #case #body);
    }
    let conditions = cases.iter().map(|case| match case {
        Case::Nil => ours!(::core::option::Option::is_none(&__rt_value)),
        Case::Type(ty) => {
            let case = look(ty);
            ours!(::core::option::Option::is_some(&#case))
        }
    });
    let body = bound(name, ours!(__rt_subject), body);
    ours!(if #(#conditions)||* #body)
}

/// `case::<ty>(value)`, located at the type.
fn look(ty: &Type) -> TokenStream {
    let first = ty.to_token_stream().into_iter().next();
    let at = first.map_or_else(Span::mixed_site, |token| token.span());
    let function = if is_dyn(ty) { "case_dyn" } else { "case" };
    let at = Span::mixed_site().located_at(at);
    let function = Ident::new(function, at);
    quote_spanned!(at=> ::rt::__private::any::#function::<#ty>(__rt_value))
}

/// Whether this is `dyn Trait`, in parentheses or not.
fn is_dyn(ty: &Type) -> bool {
    match ty {
        Type::TraitObject(_) => true,
        Type::Paren(inner) => is_dyn(&inner.elem),
        Type::Group(inner) => is_dyn(&inner.elem),
        _ => false,
    }
}

/// `{ let name = value; body }`. A name that begins with an underscore may be unused anyway: clippy's pedants would find it used, and
/// without braces bound to no effect.
fn bound(name: Option<&Ident>, value: TokenStream, body: TokenStream) -> TokenStream {
    match name {
        Some(name) if name.to_string().starts_with('_') => ours!({
            let #name = { #value };
            #body
        }),
        Some(name) => ours!({
            let #name = #value;
            let _ = &#name;
            #body
        }),
        None => ours!({
            let _ = #value;
            #body
        }),
    }
}

#[cfg(test)]
mod tests;
