//! `#[rt::main]` and `#[rt::test]`: from a function to one that runs its body as the first goroutine of a runtime.
//!
//! Invariants of the expansion:
//!
//! 1. The body and its return type move, untouched, into an inner function; attributes stay on the outer one.
//! 2. `Termination::report` runs inside the goroutine, so that a main's error need not be `Send`.
//! 3. Every error has the span of what is wrong, and is the only error the user sees: a bad option does not take the
//!    function away, a bad signature leaves a stub of a main.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    AttrStyle, Attribute, Error, Expr, ExprLit, Ident, ItemFn, Lit, Result, ReturnType, Token, Type,
};

/// The options that come with a deterministic test runtime.
const NOT_YET: [&str; 3] = ["seed", "virtual_time", "explore"];

/// Which of the two attributes is being expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Main,
    Test,
}

/// The expansion of `#[rt::main(options)] item`.
pub(crate) fn expand_main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Main, options, item)
}

/// The expansion of `#[rt::test(options)] item`.
pub(crate) fn expand_test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand(Kind::Test, options, item)
}

fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<ItemFn>(item) {
        Ok(function) => function,
        Err(error) => return error.into_compile_error(),
    };
    if let Err(error) = check_function(kind, &function) {
        let error = error.into_compile_error();
        let name = &function.sig.ident;
        let stub = (kind == Kind::Main).then(|| quote! { fn #name() {} });
        return quote!(#error #stub);
    }
    let (options, error) =
        match (|input: ParseStream<'_>| Options::parse(kind, input)).parse2(options) {
            Ok(options) => (options, None),
            Err(error) => (Options::default(), Some(error.into_compile_error())),
        };
    let function = run_in_runtime(kind, &options, function);
    quote!(#error #function)
}

/// What stands between the parentheses of the attribute.
#[derive(Default)]
struct Options {
    procs: Option<Expr>,
    stack_size: Option<Expr>,
}

impl Options {
    /// Parses `name = value, ..`; all that is wrong is reported at once.
    fn parse(kind: Kind, input: ParseStream<'_>) -> Result<Self> {
        let mut options = Options::default();
        let mut errors: Option<Error> = None;
        while !input.is_empty() {
            let name = input.call(Ident::parse_any)?;
            if let Err(error) = options.parse_value(kind, &name, input) {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
                skip_to_comma(input)?;
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        errors.map_or(Ok(options), Err)
    }

    fn parse_value(&mut self, kind: Kind, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let slot = match name.to_string().as_str() {
            "procs" => &mut self.procs,
            "stack_size" => &mut self.stack_size,
            other if kind == Kind::Test && NOT_YET.contains(&other) => {
                let message = format!("`{other}` is not supported yet");
                return Err(Error::new(name.span(), message));
            }
            other => {
                let message =
                    format!("unknown option `{other}`: the options are `procs` and `stack_size`");
                return Err(Error::new(name.span(), message));
            }
        };
        if !input.peek(Token![=]) {
            let message = format!("`{name}` needs a value: `{name} = ..`");
            return Err(Error::new(name.span(), message));
        }
        input.parse::<Token![=]>()?;
        let value: Expr = input.parse()?;
        if slot.is_some() {
            return Err(Error::new(name.span(), format!("`{name}` is given twice")));
        }
        check_value(name, &value)?;
        *slot = Some(value);
        Ok(())
    }
}

/// Leaves the rest of a bad option behind.
fn skip_to_comma(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// Refuses what can be seen here not to be a count; for any other expression rustc checks that it is a `usize`.
fn check_value(name: &Ident, value: &Expr) -> Result<()> {
    let Expr::Lit(ExprLit { lit, .. }) = value else {
        return Ok(());
    };
    match lit {
        Lit::Int(int) if int.base10_digits() == "0" => {
            Err(Error::new_spanned(lit, format!("`{name}` must be at least 1")))
        }
        Lit::Int(_) => Ok(()),
        _ => Err(Error::new_spanned(lit, format!("`{name}` takes an integer"))),
    }
}

/// Refuses a function that cannot be the first goroutine. The first thing wrong is enough: the rest often follows.
fn check_function(kind: Kind, function: &ItemFn) -> Result<()> {
    let attribute = match kind {
        Kind::Main => "#[rt::main]",
        Kind::Test => "#[rt::test]",
    };
    let signature = &function.sig;
    let refuse = |tokens: &dyn quote::ToTokens, why: &str| {
        let message = format!("{attribute} {why}");
        Err(Error::new_spanned(TokensOf(tokens), message))
    };
    if kind == Kind::Main && signature.ident != "main" {
        return refuse(&signature.ident, "goes on `fn main`");
    }
    if let Some(token) = &signature.asyncness {
        return refuse(
            token,
            "takes a plain function: a goroutine waits without `await`, remove the `async`",
        );
    }
    if let Some(token) = &signature.constness {
        return refuse(token, "takes a function that is not `const`");
    }
    if let Some(token) = &signature.unsafety {
        return refuse(token, "takes a safe function");
    }
    if let Some(token) = &signature.abi {
        return refuse(token, "takes a function of the Rust ABI");
    }
    if !signature.generics.params.is_empty() {
        return refuse(&signature.generics, "takes a function without generic parameters");
    }
    if let Some(clause) = &signature.generics.where_clause {
        return refuse(clause, "takes a function without a `where` clause");
    }
    if !signature.inputs.is_empty() {
        return refuse(&signature.inputs, "takes a function without parameters");
    }
    if kind == Kind::Test
        && let Some(attr) = function.attrs.iter().find(|attr| is_test(attr))
    {
        return refuse(attr, "makes the function a test already: remove this");
    }
    if kind == Kind::Test
        && expects_panic(function)
        && let ReturnType::Type(_, returned) = &signature.output
        && !is_unit(returned)
    {
        return refuse(returned, "with `#[should_panic]` takes a function that returns `()`");
    }
    Ok(())
}

/// `&dyn ToTokens` as a `ToTokens` by value.
struct TokensOf<'a>(&'a dyn quote::ToTokens);

impl quote::ToTokens for TokensOf<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}

/// `#[test]` in any spelling: `#[core::prelude::v1::test]`, a second `#[rt::test]`, another runtime's.
fn is_test(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "test")
}

/// Whether `#[should_panic]` is there, or may be after a `#[cfg_attr(..)]`.
fn expects_panic(function: &ItemFn) -> bool {
    function.attrs.iter().any(|attr| {
        attr.path().is_ident("should_panic")
            || attr.path().is_ident("cfg_attr")
                && attr.meta.require_list().is_ok_and(|list| {
                    let mut tokens = list.tokens.clone().into_iter();
                    tokens.any(|token| token.to_string() == "should_panic")
                })
    })
}

fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The function itself: its body inside `__rt_body`, its outside one call of `Entry`.
fn run_in_runtime(kind: Kind, options: &Options, function: ItemFn) -> TokenStream {
    let returns_unit = kind == Kind::Test && expects_panic(&function);
    let ItemFn { attrs, vis, sig, block } = function;
    let (inner, outer): (Vec<_>, Vec<_>) =
        attrs.into_iter().partition(|attr| matches!(attr.style, AttrStyle::Inner(_)));
    let (name, output, statements) = (&sig.ident, &sig.output, &block.stmts);
    let procs = options.procs.iter();
    let stack_size = options.stack_size.iter();
    // At the return type, for "not Termination" to be said there.
    let at = match output {
        ReturnType::Default => Span::mixed_site(),
        ReturnType::Type(_, ty) => Span::mixed_site().located_at(ty.span()),
    };
    let report = quote_spanned!(at=> ::std::process::Termination::report(__rt_body()));
    let entry = quote! {
        ::rt::__private::Entry::new() #(.procs(#procs))* #(.stack_size(#stack_size))*
    };
    let body = quote!(fn __rt_body() #output { #(#inner)* #(#statements)* });
    match kind {
        Kind::Main => quote! {
            #(#outer)*
            #vis fn #name() -> ::std::process::ExitCode {
                #body
                #entry.main(|| #report)
            }
        },
        // The harness wants `()` beside `#[should_panic]`. The code of a body that returns says nothing there.
        Kind::Test if returns_unit => quote! {
            #[::core::prelude::v1::test]
            #(#outer)*
            #vis fn #name() {
                #body
                let _ = #entry.test(|| #report);
            }
        },
        Kind::Test => quote! {
            #[::core::prelude::v1::test]
            #(#outer)*
            #vis fn #name() -> ::std::process::ExitCode {
                #body
                #entry.test(|| #report)
            }
        },
    }
}

#[cfg(test)]
mod tests;
