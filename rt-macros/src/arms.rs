//! What the arms of `select!` and `type_switch!` have in common.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Expr;

/// What is said where a comma is missing.
pub(crate) const COMMA: &str = "expected `,`: it may be left out only after a block";
/// What is said where a body is missing.
pub(crate) const NO_BODY: &str =
    "expected a body after this: an expression or a block, `{}` to do nothing";

/// Whether the comma after a body may be left out: where it may after the arm of a `match`.
pub(crate) fn ends_with_block(body: &Expr) -> bool {
    match body {
        Expr::Group(group) => ends_with_block(&group.expr),
        Expr::Block(_)
        | Expr::Const(_)
        | Expr::ForLoop(_)
        | Expr::If(_)
        | Expr::Loop(_)
        | Expr::Match(_)
        | Expr::TryBlock(_)
        | Expr::Unsafe(_)
        | Expr::While(_) => true,
        _ => false,
    }
}

/// The body, with an end of its own for its temporaries: before that of the names it may use.
pub(crate) fn scoped(body: &Expr) -> TokenStream {
    quote_spanned!(Span::mixed_site()=> match () { () => #body })
}
