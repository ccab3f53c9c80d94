//! `#[rt::main]` and `#[rt::test]`: from a function to one that runs its body as the first goroutine of a runtime.
//!
//! Invariants of the expansion:
//!
//! 1. The body and its return type move, untouched, into an inner function; attributes stay on the outer one.
//! 2. `Termination::report` runs inside the goroutine, so that a main's error need not be `Send`.
//! 3. Every error has the span of what is wrong, and is the only error the user sees: a bad option does not take the
//!    function away, a bad signature leaves a stub of a main, another name the function.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{
    AttrStyle, Attribute, Error, Expr, ExprLit, Ident, ItemFn, Lit, Result, ReturnType, Token, Type,
};

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
        let rest = match kind {
            // rustc has its own words about some of these.
            Kind::Main if function.sig.ident == "main" => Some(quote! { fn main() {} }),
            Kind::Main => Some(quote!(#function)),
            Kind::Test => None,
        };
        return quote!(#error #rest);
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
    virtual_time: Option<Expr>,
    seed: Option<Expr>,
    explore: Option<Expr>,
    leaks: Option<Expr>,
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
        errors.map_or_else(|| options.check(), Err)
    }

    fn parse_value(&mut self, kind: Kind, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let (slot, takes) = match (name.to_string().as_str(), kind) {
            ("procs", _) => (&mut self.procs, Takes::Count),
            ("stack_size", _) => (&mut self.stack_size, Takes::Count),
            ("virtual_time", Kind::Test) => (&mut self.virtual_time, Takes::Flag),
            ("seed", Kind::Test) => (&mut self.seed, Takes::Integer),
            ("explore", Kind::Test) => (&mut self.explore, Takes::Count),
            ("leaks", Kind::Test) => (&mut self.leaks, Takes::Leaks),
            (other, _) => {
                let options = match kind {
                    Kind::Main => "`procs` and `stack_size`",
                    Kind::Test => {
                        "`procs`, `stack_size`, `virtual_time`, `seed`, `explore` and `leaks`"
                    }
                };
                let message = format!("unknown option `{other}`: the options are {options}");
                return Err(Error::new(name.span(), message));
            }
        };
        let value: Expr = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            input.parse()?
        } else if takes == Takes::Flag {
            syn::parse_quote_spanned!(name.span()=> true)
        } else {
            let message = format!("`{name}` needs a value: `{name} = ..`");
            return Err(Error::new(name.span(), message));
        };
        if slot.is_some() {
            return Err(Error::new(name.span(), format!("`{name}` is given twice")));
        }
        check_value(name, takes, &value)?;
        *slot = Some(value);
        Ok(())
    }

    /// What does not go together.
    fn check(self) -> Result<Self> {
        let draws = [(&self.seed, "seed"), (&self.explore, "explore")];
        let Some((_, draws)) = draws.into_iter().find(|(option, _)| option.is_some()) else {
            return Ok(self);
        };
        if let Some(procs) = &self.procs {
            let message =
                format!("`procs` and `{draws}` exclude each other: a seed has one processor");
            return Err(Error::new_spanned(procs, message));
        }
        if let Some(Expr::Lit(ExprLit { lit: Lit::Bool(on), .. })) = &self.virtual_time
            && !on.value
        {
            let message =
                format!("with `{draws}` time is virtual: real time would differ each time");
            return Err(Error::new_spanned(on, message));
        }
        Ok(self)
    }
}

/// What an option's value may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// An integer from 1.
    Count,
    Integer,
    Flag,
    Leaks,
}

/// Leaves the rest of a bad option behind.
fn skip_to_comma(input: ParseStream<'_>) -> Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// Refuses what can be seen here to be no such value; for any other expression rustc checks its type.
fn check_value(name: &Ident, takes: Takes, value: &Expr) -> Result<()> {
    let lit = match value {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    };
    let message = match (takes, lit) {
        (Takes::Count, Some(Lit::Int(int))) if int.base10_digits() == "0" => {
            format!("`{name}` must be at least 1")
        }
        (Takes::Count | Takes::Integer, None | Some(Lit::Int(_))) => return Ok(()),
        (Takes::Count | Takes::Integer, _) => format!("`{name}` takes an integer"),
        (Takes::Flag, None | Some(Lit::Bool(_))) => return Ok(()),
        (Takes::Flag, _) => format!("`{name}` takes `true` or `false`, or nothing"),
        (Takes::Leaks, Some(Lit::Str(text))) if leaks(&text.value()).is_some() => return Ok(()),
        (Takes::Leaks, _) => {
            format!("`{name}` takes \"allow\", \"report\" or \"deny\"")
        }
    };
    Err(Error::new_spanned(value, message))
}

/// The variant of `rt::testing::Leaks` that `text` names.
fn leaks(text: &str) -> Option<TokenStream> {
    match text {
        "allow" => Some(quote!(Allow)),
        "report" => Some(quote!(Report)),
        "deny" => Some(quote!(Deny)),
        _ => None,
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
        return refuse(
            &signature.ident,
            "goes on `fn main`; elsewhere build a runtime, `rt::Runtime::builder().build()?`, and call its `run`",
        );
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
    let entry = match kind {
        Kind::Main => quote!(::rt::__private::Entry::new()),
        Kind::Test => {
            let path =
                quote!(::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)));
            quote!(::rt::__private::Test::new().name(#path))
        }
    };
    let entry = quote!(#entry #(.procs(#procs))* #(.stack_size(#stack_size))*);
    let (virtual_time, seed, explore) =
        (options.virtual_time.iter(), options.seed.iter(), options.explore.iter());
    let leaks = options.leaks.iter().filter_map(|value| match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => leaks(&text.value()),
        _ => None,
    });
    let entry = quote! {
        #entry #(.virtual_time(#virtual_time))* #(.seed(#seed))* #(.explore(#explore))*
        #(.leaks(::rt::testing::Leaks::#leaks))*
    };
    // At the return type, for "not Termination" to be said there.
    let at = match output {
        ReturnType::Default => Span::mixed_site(),
        ReturnType::Type(_, ty) => Span::mixed_site().located_at(ty.span()),
    };
    let report = match output {
        // There is nothing to report, and rustc would say that the report is unreachable.
        ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)) => quote!(__rt_body()),
        _ => quote_spanned!(at=> ::std::process::Termination::report(__rt_body())),
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
                let _ = #entry.run(|| #report);
            }
        },
        Kind::Test => quote! {
            #[::core::prelude::v1::test]
            #(#outer)*
            #vis fn #name() -> ::std::process::ExitCode {
                #body
                #entry.run(|| #report)
            }
        },
    }
}

#[cfg(test)]
mod tests;
