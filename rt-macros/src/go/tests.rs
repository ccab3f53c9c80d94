//! Expansions of `go!`, as source text; what they do when they run is tested in `tests/go.rs`.

use super::*;

/// Parsed as an expression and printed: the same for every spacing.
fn normal(tokens: TokenStream) -> String {
    let expr: Expr = syn::parse2(tokens).expect("an expansion is an expression");
    expr.to_token_stream().to_string()
}

#[track_caller]
fn expands(input: &str, expected: &str) {
    let expanded = expand(input.parse().unwrap());
    assert_eq!(normal(expanded), normal(expected.parse().unwrap()));
}

/// What a call or a method call expands to.
fn call(lets: &str, spawn: &str) -> String {
    let used = |lets: String, name| {
        let Some((before, after)) = lets.split_once(&format!("let mut {name} =")) else {
            return lets;
        };
        let (value, after) = after.split_once(';').unwrap();
        format!("{before} let mut {name} = {value}; let _ = &mut {name}; {after}")
    };
    let lets = ["__rt_f", "__rt_receiver"].into_iter().fold(lets.to_owned(), used);
    format!("{{ {lets} ::rt::spawn(move || {spawn}) }}")
}

/// The message of the error holds `message`.
#[track_caller]
fn refuses(input: &str, message: &str) {
    let error = match syn::parse_str::<Go>(input).and_then(Go::into_spawn) {
        Ok(tokens) => panic!("accepted as {tokens}"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(message), "{error}");
}

#[test]
fn a_call_evaluates_its_operands_first() {
    expands(
        "module::f::<u8>(x, y + 1)",
        &call("let __rt_a0 = x; let __rt_a1 = y + 1;", "module::f::<u8>(__rt_a0, __rt_a1)"),
    );
    expands("f()", &call("", "f()"));
}

#[test]
fn a_field_is_a_callee() {
    expands("(self.f)(x)", &call("let mut __rt_f = self.f; let __rt_a0 = x;", "__rt_f(__rt_a0)"));
}

#[test]
fn a_called_closure_owns_its_captures() {
    expands(
        "(|x| x + n)(1)",
        &call("let mut __rt_f = move |x| x + n; let __rt_a0 = 1;", "__rt_f(__rt_a0)"),
    );
}

#[test]
fn a_method_call_evaluates_its_receiver_first() {
    expands(
        "a.b().c::<T>(x?)",
        &call("let mut __rt_receiver = a.b(); let __rt_a0 = x?;", "__rt_receiver.c::<T>(__rt_a0)"),
    );
}

#[test]
fn a_static_receiver_stays_in_place() {
    expands(
        "stats::HITS.total.add(n)",
        &call("let __rt_a0 = n;", "stats::HITS.total.add(__rt_a0)"),
    );
}

#[test]
fn a_closure_argument_stays_in_place_unless_something_runs_after_it() {
    expands(
        "f(g(), |x| x + n, &y.z)",
        &call("let __rt_a0 = g(); let __rt_a2 = &y.z;", "f(__rt_a0, move |x| x + n, __rt_a2)"),
    );
    expands(
        "f(|x| x + n, g())",
        &call("let __rt_a0 = move |x| x + n; let __rt_a1 = g();", "f(__rt_a0, __rt_a1)"),
    );
}

#[test]
fn blocks_closures_and_macros_run_whole() {
    expands("{ a(); b }", "::rt::spawn(move || { a(); b })");
    expands("unsafe { f() }", "::rt::spawn(move || unsafe { f() })");
    expands("move || x", "::rt::spawn(move || x)");
    expands("|| -> u8 { x }", "::rt::spawn(move || -> u8 { x })");
    expands("println!(\"{x}\")", "::rt::spawn(move || println!(\"{x}\"))");
    expands("{},", "::rt::spawn(move || {})");
}

#[test]
fn names_before_the_arrow_are_cloned() {
    expands(
        "tx, mut wg, n = tx.len() => { tx.send(n) }",
        "{
            let (tx, mut wg, n,) = (::rt::__private::Given::new(&tx).__rt_clone(), ::rt::__private::Given::new(&wg).__rt_clone(), tx.len(),);
            ::rt::spawn(move || { tx.send(n) })
        }",
    );
}

#[test]
fn after_the_arrow_comes_any_expression() {
    for (input, spawned) in [
        ("tx => tx.send(a >= b)", "move || tx.send(a >= b)"),
        ("tx, => tx.send(1),", "move || tx.send(1)"),
        ("tx => || tx.send(1)", "move || tx.send(1)"),
        ("tx => match x { _ => 1 }", "move || match x { _ => 1 }"),
        ("tx => tx", "move || tx"),
    ] {
        let expected = format!(
            "{{ let (tx,) = (::rt::__private::Given::new(&tx).__rt_clone(),); ::rt::spawn({spawned}) }}"
        );
        expands(input, &expected);
    }
}

#[test]
fn a_match_in_a_block_is_not_the_clone_form() {
    expands("{ match x { _ => 1 } }", "::rt::spawn(move || { match x { _ => 1 } })");
}

#[test]
fn a_macro_rules_fragment_is_seen_through() {
    // `$call:expr` arrives between delimiters that print as nothing.
    let fragment = proc_macro2::Group::new(proc_macro2::Delimiter::None, quote!(f(x)));
    let expected = call("let __rt_a0 = x;", "f(__rt_a0)");
    assert_eq!(normal(expand(quote!(#fragment))), normal(expected.parse().unwrap()));
}

#[test]
fn what_is_no_form_is_refused() {
    for input in ["", "1 + 2", "\"f\"", "f(x)?", "if a { b() }", "x = f()", "return", "[f()]"] {
        refuses(input, "`go!` takes a call");
    }
    for input in ["module::f", "x => f", "x => (module::f)", "x, f = g() => x::f"] {
        refuses(input, "does not call it");
    }
    refuses("f(); g()", "put several statements in a block");
    refuses("f(), g()", "put several statements in a block");
    refuses("|a, b| a + b", "takes no parameters");
    refuses("x => |a| a + x", "takes no parameters");
    refuses("async { f().await }", "not a future");
    refuses("async || f().await", "not a future");
    refuses("x => async { x.await }", "not a future");
    refuses("x => (async move { x.await })", "not a future");
    refuses("x => async || x.await", "not a future");
    refuses("#[inline] f(x)", "attribute");
    refuses("#[inline] x.f()", "attribute");
}

#[test]
fn only_names_are_cloned() {
    refuses("=> { f() }", "name what is cloned");
    refuses("self => { f() }", "this = self.clone()");
    refuses("self.tx => { f() }", "only plain names");
    refuses("a.tx => { f() }", "tx = self.tx.clone()");
    refuses("&tx => { f() }", "only plain names");
    refuses("x => ", "expected an expression");
}
