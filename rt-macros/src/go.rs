//! `go!`: from one call, block or closure to a `::rt::spawn`.
//!
//! Invariants of the expansion:
//!
//! 1. What Go evaluates at the `go` statement is evaluated in the caller, once, left to right: the callee or the
//!    receiver first, then each argument. Only the call itself is inside the spawned closure.
//! 2. The spawned closure is always `move`: a goroutine outlives the frame it was started from.
//! 3. No name of ours can meet a name of the user's: our locals have mixed-site hygiene, and odd names, for constants and
//!    statics know no hygiene. They are *located* at the operand they hold, so a type error is shown under the user's text.
//! 4. No `#[allow]`: it is an error where the user forbids the lint.
//! 5. Nothing the user wrote is dropped without a word: what does not fit is an error with a span.
//!
//! Three operands stay where they are instead of being bound first, because that changes nothing about *when* they are
//! evaluated and binding them would break programs: a callee that is a path (bound to a local, a generic function no
//! longer tells its closure arguments their parameter types), a closure literal among the arguments (for the same
//! reason), and a receiver that is a `static` (it cannot be moved into a local). A local variable among these is moved
//! by the closure.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::token::Paren;
use syn::{
    Attribute, Error, Expr, ExprCall, ExprClosure, ExprMethodCall, ExprPath, Ident, Result, Token,
};

const FORMS: &str = "`go!` takes a call `f(x)`, a method call `x.f(y)`, a block `{ .. }`, a closure `move || ..`, \
                     or names to clone first `a, b => { .. }`";

/// The expansion of `go!(input)`; an error becomes a `compile_error!` under the tokens it is about.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2::<Go>(input).and_then(Go::into_spawn).unwrap_or_else(Error::into_compile_error)
}

/// What was written between the parentheses of `go!`.
enum Go {
    /// Everything but the clone form.
    Plain(Expr),
    /// `tx, n = tx.len() => body`
    Cloning { captures: Vec<Capture>, body: Expr },
}

/// One name before the `=>`.
struct Capture {
    mutability: Option<Token![mut]>,
    name: Ident,
    /// `name = value`; without it the value is a clone of `name`.
    value: Option<Expr>,
}

impl Parse for Go {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), FORMS));
        }
        let go = if has_fat_arrow(&input.fork()) {
            let mut captures = Vec::new();
            while !input.peek(Token![=>]) {
                captures.push(input.parse()?);
                if !input.peek(Token![=>]) {
                    input.parse::<Token![,]>()?;
                }
            }
            let arrow: Token![=>] = input.parse()?;
            if captures.is_empty() {
                return Err(Error::new_spanned(
                    arrow,
                    "name what is cloned before the `=>`, or leave the `=>` out",
                ));
            }
            Go::Cloning { captures, body: input.parse()? }
        } else {
            Go::Plain(input.parse()?)
        };
        input.parse::<Option<Token![,]>>()?;
        if input.is_empty() {
            Ok(go)
        } else {
            Err(input.error(
                "`go!` starts one goroutine: put several statements in a block, `go!({ .. })`",
            ))
        }
    }
}

impl Parse for Capture {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mutability = input.parse()?;
        if !input.peek(Ident::peek_any) || input.peek(Token![self]) {
            return Err(input.error(
                "only plain names stand before the `=>`; give anything else a name, `this = self.clone() => ..`",
            ));
        }
        let name: Ident = input.parse()?;
        let value = if input.peek(Token![=]) && !input.peek(Token![=>]) {
            input.parse::<Token![=]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        if !(input.peek(Token![,]) || input.peek(Token![=>])) {
            return Err(input.error(
                "only plain names stand before the `=>`; give anything else a name, `tx = self.tx.clone() => ..`",
            ));
        }
        Ok(Capture { mutability, name, value })
    }
}

impl Go {
    fn into_spawn(self) -> Result<TokenStream> {
        match self {
            Go::Plain(expr) => spawn_expr(expr),
            Go::Cloning { captures, body } => spawn_cloning(&captures, body),
        }
    }
}

/// Whether a `=>` stands outside every bracket. No expression has one there: match arms are in braces.
pub(crate) fn has_fat_arrow(input: ParseStream<'_>) -> bool {
    while !input.is_empty() {
        if input.peek(Token![=>]) {
            return true;
        }
        if input.parse::<proc_macro2::TokenTree>().is_err() {
            return false;
        }
    }
    false
}

fn spawn_expr(expr: Expr) -> Result<TokenStream> {
    match peel(expr) {
        Expr::Call(call) => spawn_call(call),
        Expr::MethodCall(call) => spawn_method(call),
        Expr::Closure(closure) => spawn_closure(closure),
        // A macro's tokens have no operands that could be told apart and evaluated now: it is a block.
        body @ (Expr::Block(_) | Expr::Unsafe(_) | Expr::Macro(_)) => Ok(spawn(&quote!(#body))),
        Expr::Async(future) => Err(is_async(future.async_token)),
        Expr::Path(path) => Err(is_not_called(&path)),
        other => Err(Error::new_spanned(other, FORMS)),
    }
}

fn is_not_called(path: &ExprPath) -> Error {
    Error::new_spanned(path, format!("this names a function but does not call it; {FORMS}"))
}

/// `::rt::spawn(move || body)`, at the call site: its `#[track_caller]` location is the user's `go!`.
fn spawn(body: &TokenStream) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> ::rt::spawn(move || #body))
}

/// `f(x, y)`
fn spawn_call(call: ExprCall) -> Result<TokenStream> {
    refuse_attributes(&call.attrs)?;
    let callee = moving(peel(*call.func));
    let (bound, callee) = if matches!(callee, Expr::Path(_)) {
        (None, callee.into_token_stream())
    } else {
        let (bound, local) = bind_callee("__rt_f", &callee);
        (Some(bound), local.into_token_stream())
    };
    Ok(spawn_bound(bound, &callee, call.args, call.paren_token))
}

/// `receiver.method(x, y)`
fn spawn_method(call: ExprMethodCall) -> Result<TokenStream> {
    refuse_attributes(&call.attrs)?;
    let receiver = moving(peel(*call.receiver));
    let (bound, receiver) = if is_static_place(&receiver) {
        (None, receiver.into_token_stream())
    } else {
        let (bound, local) = bind_callee("__rt_receiver", &receiver);
        (Some(bound), local.into_token_stream())
    };
    let (dot, method, turbofish) = (call.dot_token, call.method, call.turbofish);
    let callee = quote!(#receiver #dot #method #turbofish);
    Ok(spawn_bound(bound, &callee, call.args, call.paren_token))
}

/// A `let` for the callee or the receiver; mutable, as it may be called through a `&mut`.
pub(crate) fn bind_callee(name: &str, value: &Expr) -> (TokenStream, Ident) {
    let local = local(name, value);
    let bound = quote_spanned! {Span::mixed_site()=>
        let mut #local = #value;
        // Not every callee is called through `&mut` (invariant 4).
        let _ = &mut #local;
    };
    (bound, local)
}

/// The `let`s, then the goroutine that does nothing but call. The parentheses are where the user put them.
fn spawn_bound(
    bound: Option<TokenStream>,
    callee: &TokenStream,
    args: Punctuated<Expr, Token![,]>,
    parens: Paren,
) -> TokenStream {
    let Operands { lets, operands } = Operands::bind(args, true);
    let span = Span::mixed_site().located_at(parens.span.join());
    let args = quote_spanned!(span=> (#(#operands),*));
    let spawn = spawn(&quote!(#callee #args));
    quote_spanned! {Span::mixed_site()=>
        {
            #bound
            #lets
            #spawn
        }
    }
}

/// `move || ..`
fn spawn_closure(closure: ExprClosure) -> Result<TokenStream> {
    if !closure.inputs.is_empty() {
        return Err(Error::new_spanned(
            &closure.inputs,
            "nobody would pass these: a closure given to `go!` takes no parameters; \
             to pass values now, call it: `go!((|x| ..)(value))`",
        ));
    }
    if let Some(token) = closure.asyncness {
        return Err(is_async(token));
    }
    let closure = moving(Expr::Closure(closure));
    Ok(quote_spanned!(Span::mixed_site()=> ::rt::spawn(#closure)))
}

fn is_async(token: Token![async]) -> Error {
    Error::new_spanned(token, "`go!` runs plain code, not a future: remove the `async`")
}

/// `tx, n = tx.len() => body`: one `let` for all, so that no value sees the names bound beside it.
fn spawn_cloning(captures: &[Capture], body: Expr) -> Result<TokenStream> {
    let patterns =
        captures.iter().map(|Capture { mutability, name, .. }| quote!(#mutability #name));
    let values = captures.iter().map(|Capture { name, value, .. }| match value {
        Some(value) => value.to_token_stream(),
        None => {
            let span = Span::mixed_site().located_at(name.span());
            quote_spanned!(span=> ::rt::__private::Given::new(&#name).__rt_clone())
        }
    });
    // A closure here is what shall run, not a value to compute in the goroutine and throw away.
    let spawn = match peel(body) {
        Expr::Closure(closure) => spawn_closure(closure)?,
        // It would be made and dropped, and never run.
        Expr::Async(future) => return Err(is_async(future.async_token)),
        // Nor would that be called. What was named before the `=>` is a value to return.
        Expr::Path(path) if !captures.iter().any(|capture| path.path.is_ident(&capture.name)) => {
            return Err(is_not_called(&path));
        }
        body => spawn(&body.into_token_stream()),
    };
    Ok(quote_spanned! {Span::mixed_site()=>
        {
            let (#(#patterns,)*) = (#(#values,)*);
            #spawn
        }
    })
}

/// The arguments of a call, taken apart: the statements that evaluate them, and what to pass in their place.
pub(crate) struct Operands {
    pub(crate) lets: TokenStream,
    pub(crate) operands: Vec<TokenStream>,
}

impl Operands {
    /// `owns`: a closure literal among them owns what it captures.
    pub(crate) fn bind(args: Punctuated<Expr, Token![,]>, owns: bool) -> Self {
        let own = |arg| if owns { moving(arg) } else { arg };
        let args: Vec<Expr> = args.into_iter().map(own).collect();
        // A closure may stay in place as long as nothing after it can be seen to run before it captures.
        let last_effect = args.iter().rposition(|arg| !is_settled(arg));
        let mut lets = TokenStream::new();
        let mut operands = Vec::new();
        for (i, arg) in args.into_iter().enumerate() {
            let in_place = last_effect.is_none_or(|last| i > last);
            if in_place && matches!(arg, Expr::Closure(_)) {
                operands.push(arg.into_token_stream());
            } else {
                let local = local(&format!("__rt_a{i}"), &arg);
                lets.extend(quote_spanned!(Span::mixed_site()=> let #local = #arg;));
                operands.push(local.into_token_stream());
            }
        }
        Operands { lets, operands }
    }
}

/// A name for the value of `operand` that only we can utter and that errors show as `operand`.
pub(crate) fn local(name: &str, operand: &impl Spanned) -> Ident {
    format_ident!("{}", name, span = Span::mixed_site().located_at(operand.span()))
}

/// Takes off parentheses, and the invisible ones around a `macro_rules!` fragment.
pub(crate) fn peel(mut expr: Expr) -> Expr {
    loop {
        expr = match expr {
            Expr::Group(group) if group.attrs.is_empty() => *group.expr,
            Expr::Paren(paren) if paren.attrs.is_empty() => *paren.expr,
            other => return other,
        }
    }
}

/// A closure literal that becomes part of a goroutine owns what it captures.
fn moving(mut expr: Expr) -> Expr {
    if let Expr::Closure(closure) = &mut expr
        && closure.capture.is_none()
    {
        closure.capture = Some(Token![move](closure.or1_token.span));
    }
    expr
}

/// Whether evaluating `expr` runs no code of the user's.
fn is_settled(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) | Expr::Lit(_) | Expr::Closure(_) => true,
        Expr::Reference(inner) => is_settled(&inner.expr),
        Expr::Group(inner) => is_settled(&inner.expr),
        Expr::Paren(inner) => is_settled(&inner.expr),
        Expr::Field(inner) => is_settled(&inner.base),
        _ => false,
    }
}

/// Whether `expr` is a `static` or a field of one, by its SCREAMING name (which rustc lints for). Left in place it is
/// used through a `&'static`, as in Go; if the name is a local's after all, the closure moves it: the same result.
fn is_static_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(path) => path.path.segments.last().is_some_and(|last| {
            let name = last.ident.unraw().to_string();
            name.chars().any(char::is_uppercase) && !name.chars().any(char::is_lowercase)
        }),
        Expr::Field(field) => is_static_place(&field.base),
        _ => false,
    }
}

pub(crate) fn refuse_attributes(attrs: &[Attribute]) -> Result<()> {
    match attrs.first() {
        Some(attr) => Err(Error::new_spanned(
            attr,
            "an attribute has no meaning here; put it on the statement",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
