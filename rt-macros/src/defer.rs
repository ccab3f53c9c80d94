//! `defer_call!`: from one call to the `let`s that evaluate its operands now, and a guard that calls later.
//!
//! Invariants of the expansion:
//!
//! 1. The operands are evaluated where the macro stands, once, left to right: the callee or the receiver first, then
//!    each argument. Only the call itself is inside the guard's closure.
//! 2. A callee or a receiver that is a place (`f`, `self.log`, `table[i]`) stays in the closure, which borrows it, or
//!    moves it if the call takes it by value: what Go does by taking the address of a receiver. What the place names cannot
//!    change meanwhile: it is borrowed.
//! 3. The expansion is statements, not a block: the guard lives to the end of the scope that the macro stands in.
//! 4. Names as in `go!`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, ExprCall, ExprMacro, ExprMethodCall, Result, Token};

use crate::go::{Operands, bind_callee, has_fat_arrow, local, peel, refuse_attributes};

const FORMS: &str = "`defer_call!` takes a call `f(x)` or `x.f(y)`, whose operands are evaluated now, or \
                     `frame => f(x)`; what is all to run later goes into `defer! { .. }`";

/// The expansion of `defer_call!(input)`; an error becomes a `compile_error!` under the tokens it is about.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    syn::parse2::<Deferred>(input)
        .and_then(Deferred::expand)
        .unwrap_or_else(Error::into_compile_error)
}

/// What was written between the parentheses.
struct Deferred {
    /// `frame =>`: it is the frame's, not the scope's.
    frame: Option<Expr>,
    call: Expr,
}

impl Parse for Deferred {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), FORMS));
        }
        let frame = if has_fat_arrow(&input.fork()) {
            let frame = input.parse()?;
            input.parse::<Token![=>]>()?;
            Some(frame)
        } else {
            None
        };
        let call = input.parse()?;
        input.parse::<Option<Token![,]>>()?;
        if input.is_empty() {
            Ok(Deferred { frame, call })
        } else {
            Err(input
                .error("`defer_call!` defers one call: several statements go into `defer! { .. }`"))
        }
    }
}

/// A call, taken apart.
struct Parts {
    /// Evaluates the operands.
    lets: TokenStream,
    call: TokenStream,
}

impl Deferred {
    fn expand(self) -> Result<TokenStream> {
        // What a frame runs owns its operands, as what a goroutine runs does.
        let owns = self.frame.is_some();
        let Parts { lets, call } = match peel(self.call) {
            Expr::Call(call) => of_call(call, owns)?,
            Expr::MethodCall(call) => of_method(call, owns)?,
            Expr::Macro(call) => of_print(call)?,
            Expr::Closure(closure) => {
                return Err(Error::new_spanned(
                    closure,
                    "a closure has no operands to evaluate now: call it, `defer_call!((|x| ..)(value))`, \
                     or write `defer!(|| ..)`",
                ));
            }
            Expr::Block(block) => {
                return Err(Error::new_spanned(block, "a block goes into `defer! { .. }`"));
            }
            Expr::Path(path) => {
                return Err(Error::new_spanned(
                    &path,
                    format!("this names a function but does not call it; {FORMS}"),
                ));
            }
            Expr::Await(_) | Expr::Async(_) => {
                return Err(Error::new(
                    Span::call_site(),
                    "`defer_call!` defers plain calls, not futures",
                ));
            }
            other => return Err(Error::new_spanned(other, FORMS)),
        };
        let span = Span::mixed_site();
        Ok(match self.frame {
            None => quote_spanned! {span=>
                #lets
                let __rt_deferred = ::rt::__private::Guard::new(|| #call);
            },
            Some(frame) => {
                let frame =
                    if is_plain(&frame) { frame.into_token_stream() } else { quote!((#frame)) };
                quote_spanned! {span=>
                    {
                        #lets
                        #frame.defer(move |_| ::core::mem::drop(#call));
                    }
                }
            }
        })
    }
}

/// `f(x, y)`
fn of_call(call: ExprCall, owns: bool) -> Result<Parts> {
    refuse_attributes(&call.attrs)?;
    let (lets, callee) = callee(peel(*call.func), owns, "__rt_f");
    let callee = if is_plain(&callee) { callee.into_token_stream() } else { quote!((#callee)) };
    let args = Operands::bind(call.args, owns);
    Ok(parts(lets, &callee, args, call.paren_token))
}

/// `receiver.method(x, y)`
fn of_method(call: ExprMethodCall, owns: bool) -> Result<Parts> {
    refuse_attributes(&call.attrs)?;
    let (lets, receiver) = callee(peel(*call.receiver), owns, "__rt_receiver");
    let receiver = match receiver {
        Expr::Unary(_) => quote!((#receiver)),
        other => other.into_token_stream(),
    };
    let (dot, method, turbofish) = (call.dot_token, call.method, call.turbofish);
    let args = Operands::bind(call.args, owns);
    Ok(parts(lets, &quote!(#receiver #dot #method #turbofish), args, call.paren_token))
}

fn parts(
    before: TokenStream,
    callee: &TokenStream,
    args: Operands,
    parens: syn::token::Paren,
) -> Parts {
    let Operands { lets, operands } = args;
    let span = Span::mixed_site().located_at(parens.span.join());
    let args = quote_spanned!(span=> (#(#operands),*));
    Parts { lets: quote!(#before #lets), call: quote!(#callee #args) }
}

/// Evaluates a callee or a receiver: the statements, and what stands in its place. Invariant 2.
fn callee(value: Expr, owns: bool, name: &str) -> (TokenStream, Expr) {
    let stays = match &value {
        plain if is_plain(plain) => true,
        Expr::Closure(closure) => closure.capture.is_none() && !owns,
        other => !owns && is_place(other),
    };
    if !stays {
        let (lets, local) = bind_callee(name, &value);
        return (lets, syn::parse_quote!(#local));
    }
    let mut lets = TokenStream::new();
    let value = settle_indices(value, &mut lets, name);
    (lets, value)
}

/// Nothing is evaluated, and it stands anywhere without parentheses.
fn is_plain(expr: &Expr) -> bool {
    matches!(expr, Expr::Path(_) | Expr::Lit(_))
}

fn is_place(expr: &Expr) -> bool {
    match expr {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Index(index) => is_place(&index.expr),
        Expr::Unary(unary) => matches!(unary.op, syn::UnOp::Deref(_)) && is_place(&unary.expr),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}

/// The indices within a place are evaluated now.
fn settle_indices(mut place: Expr, lets: &mut TokenStream, name: &str) -> Expr {
    match &mut place {
        Expr::Index(index) => {
            let name = format!("{name}_i");
            *index.expr = settle_indices((*index.expr).clone(), lets, &name);
            if !matches!(*index.index, Expr::Lit(_)) {
                let (at, value) = (local(&name, &index.index), &index.index);
                lets.extend(quote_spanned!(Span::mixed_site()=> let #at = #value;));
                *index.index = Expr::Verbatim(at.into_token_stream());
            }
        }
        Expr::Field(field) => *field.base = settle_indices((*field.base).clone(), lets, name),
        Expr::Unary(unary) => *unary.expr = settle_indices((*unary.expr).clone(), lets, name),
        Expr::Paren(inner) => *inner.expr = settle_indices((*inner.expr).clone(), lets, name),
        Expr::Group(inner) => *inner.expr = settle_indices((*inner.expr).clone(), lets, name),
        _ => {}
    }
    place
}

/// `println!(..)` and its sisters, for Go's `defer fmt.Println(x)`: the text is made now and printed later.
fn of_print(call: ExprMacro) -> Result<Parts> {
    refuse_attributes(&call.attrs)?;
    let path = &call.mac.path;
    let prints = path.segments.last().is_some_and(|last| {
        ["print", "println", "eprint", "eprintln"].iter().any(|name| last.ident == name)
    });
    if !prints {
        return Err(Error::new_spanned(
            path,
            "what a macro makes of its operands only it knows: they cannot be evaluated now. Call a function, or \
             write `defer! { .. }`, which evaluates all later",
        ));
    }
    let tokens = &call.mac.tokens;
    if tokens.is_empty() {
        return Ok(Parts { lets: TokenStream::new(), call: call.into_token_stream() });
    }
    let text = local("__rt_text", &call.mac);
    let lets = quote_spanned!(Span::mixed_site()=> let #text = ::std::format!(#tokens););
    Ok(Parts { lets, call: quote!(#path!("{}", #text)) })
}
