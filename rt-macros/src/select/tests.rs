//! Expansions of `select!`, as source text; what they do when they run is tested in `tests/select.rs` and `tests/select_arms.rs`.

use quote::quote;

use super::*;

/// Parsed as an expression and printed: the same for every spacing.
fn normal(tokens: TokenStream) -> String {
    let expr: Expr = syn::parse2(tokens).expect("an expansion is an expression");
    expr.to_token_stream().to_string()
}

#[track_caller]
fn expands(input: &str, expected: &str) {
    let expanded = expand(input.parse().unwrap());
    let expected =
        expected.replace("private", "::rt::__private").replace("option", "::core::option::Option");
    assert_eq!(normal(expanded), normal(expected.parse().unwrap()));
}

/// The expansion is the same.
#[track_caller]
fn same(input: &str, other: &str) {
    let [input, other] = [input, other].map(|text| normal(expand(text.parse().unwrap())));
    assert_eq!(input, other);
}

/// The message of the error holds `message`.
#[track_caller]
fn refuses(input: &str, message: &str) {
    let error = match syn::parse_str::<Select>(input) {
        Ok(select) => panic!("accepted as {}", expand_select(&select)),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(message), "{error}");
}

#[test]
fn each_operation_is_a_case() {
    expands(
        "recv(rx) -> mut v => f(v), send(self.tx, x + 1) => g(), send_from(&txs[i], &mut slot) -> _ => {}",
        "{
            enum __RtChosen<T0> { Case0(T0), Case1, Case2 }
            let __rt_chosen = match (
                private::recv_case(&(rx)),
                private::send_case(&(self.tx), x + 1),
                private::send_from_case(&(&txs[i]), &mut slot),
            ) {
                (mut __rt_c0, mut __rt_c1, mut __rt_c2,) => {
                    match private::select([private::RecvCase::arm(&mut __rt_c0), private::SendCase::arm(&mut __rt_c1), private::SendFromCase::arm(&mut __rt_c2)], false, private::Wait::Forever) {
                        option::Some(0) => __RtChosen::Case0(__rt_c0.finish()),
                        option::Some(1) => { let _ = __rt_c1.finish(); __RtChosen::Case1 },
                        _ => { let _ = __rt_c2.finish(); __RtChosen::Case2 },
                    }
                }
            };
            match __rt_chosen {
                __RtChosen::Case0(__rt_result) => { let mut v = { __rt_result }; match () { () => f(v) } }
                __RtChosen::Case1 => g(),
                __RtChosen::Case2 => {},
            }
        }",
    );
}

#[test]
fn default_is_evaluated_in_its_place_and_is_no_case() {
    expands(
        "biased; recv(a) -> v => v, default(d) => 0, recv(b) -> w => w",
        "{
            enum __RtChosen<T0, T2> { Case0(T0), Default, Case2(T2) }
            let __rt_chosen = match (private::recv_case(&(a)), private::Wait::For(d), private::recv_case(&(b)),) {
                (mut __rt_c0, __rt_wait, mut __rt_c2,) => {
                    match private::select([private::RecvCase::arm(&mut __rt_c0), private::RecvCase::arm(&mut __rt_c2)], true, __rt_wait) {
                        option::Some(0) => __RtChosen::Case0(__rt_c0.finish()),
                        option::None => __RtChosen::Default,
                        _ => __RtChosen::Case2(__rt_c2.finish()),
                    }
                }
            };
            match __rt_chosen {
                __RtChosen::Case0(__rt_result) => { let v = { __rt_result }; match () { () => v } }
                __RtChosen::Default => 0,
                __RtChosen::Case2(__rt_result) => { let w = { __rt_result }; match () { () => w } }
            }
        }",
    );
}

#[test]
fn default_without_a_duration_does_not_wait() {
    expands(
        "default => 0, recv(a) => 1",
        "{
            enum __RtChosen<> { Default, Case1 }
            let __rt_chosen = match (private::recv_case(&(a)),) {
                (mut __rt_c1,) => {
                    match private::select([private::RecvCase::arm(&mut __rt_c1)], false, private::Wait::Never) {
                        option::None => __RtChosen::Default,
                        _ => { let _ = __rt_c1.finish(); __RtChosen::Case1 },
                    }
                }
            };
            match __rt_chosen {
                __RtChosen::Default => 0,
                __RtChosen::Case1 => 1,
            }
        }",
    );
}

#[test]
fn default_alone_looks_at_nothing() {
    expands("default => x", "{ match () { () => x } }");
    expands("biased; default() => {}", "{ match () { () => {} } }");
    expands(
        "default(d) => x",
        "{
            enum __RtChosen<> { Default }
            let __rt_chosen = match (private::Wait::For(d),) {
                (__rt_wait,) => {
                    match private::select([], false, __rt_wait) {
                        _ => __RtChosen::Default,
                    }
                }
            };
            match __rt_chosen { __RtChosen::Default => x, }
        }",
    );
}

#[test]
fn no_arms_wait_for_ever() {
    expands("", "{ private::select_forever() }");
    expands("biased;", "{ private::select_forever() }");
}

#[test]
fn an_ignored_result_has_no_field() {
    same("recv(a) => x", "recv(a) -> _ => x");
}

#[test]
fn alternatives_are_put_in_parentheses() {
    let expanded = expand(quote!(recv(a) -> Some(_) | None => x)).to_string();
    assert!(
        expanded.contains(&quote!(let (Some(_) | None) = { __rt_result };).to_string()),
        "{expanded}"
    );
}

#[test]
fn commas_may_be_left_out_where_a_match_lets_them() {
    for body in [
        "{ x }",
        "unsafe { x }",
        "if a { x } else { y }",
        "match x { _ => y }",
        "loop {}",
        "while a {}",
        "for x in y {}",
    ] {
        same(
            &format!("recv(a) => {body} recv(b) => {body}"),
            &format!("recv(a) => {body}, recv(b) => {body},"),
        );
    }
    for body in ["x", "{ x } as u8", "x {}", "f!{}", "f(x)", "|| {}", "async {}", "return"] {
        same(
            &format!("recv(a) => {body}, recv(b) => {body}"),
            &format!("recv(a) => {body}, recv(b) => {body},"),
        );
    }
    for body in ["x", "x {}", "f!{}", "f(x)", "|| {}", "async {}"] {
        refuses(&format!("recv(a) => {body} recv(b) => {body}"), "expected `,`");
    }
    same("recv(a,) => x", "recv(a) => x");
    same("send(a, b,) => x, default() => y", "send(a, b) => x, default => y");
    same("default(d,) => x", "default(d) => x");
}

#[test]
fn a_macro_rules_fragment_is_seen_through() {
    // `$body:block` arrives between delimiters that print as nothing.
    let group = |tokens| proc_macro2::Group::new(proc_macro2::Delimiter::None, tokens);
    let (channel, pattern, body) =
        (group(quote!(a.b)), group(quote!(Some(_) | None)), group(quote!({ x })));
    let expanded = expand(quote!(recv(#channel) -> #pattern => #body recv(b) => y));
    assert_eq!(
        normal(expanded).replace(' ', ""),
        normal(expand(quote!(recv(a.b) -> Some(_) | None => { x } recv(b) => y))).replace(' ', "")
    );
    let pattern = group(quote!(Some(v)));
    let error = expand(quote!(recv(a) -> #pattern => x)).to_string();
    assert!(error.contains("does not match every result"), "{error}");
}

#[test]
fn what_is_no_operation_is_refused() {
    for input in [
        "receive(rx) => x",
        "v = rx.recv() => x",
        "_ => x",
        "1",
        "{}",
        "recv(a) => {},, recv(b) => {}",
    ] {
        refuses(
            input,
            "expected `recv(rx) -> v => ..`, `send(tx, value) => ..`, `send_from(tx, slot) => ..` or `default => ..`",
        );
    }
    refuses("#[cfg(a)] recv(rx) => x", "no attributes");
}

#[test]
fn operands_are_counted() {
    for input in ["recv => x", "recv() => x", "recv(a, b) => x", "recv[a] => x", "recv"] {
        refuses(input, "`recv` takes one operand");
    }
    for input in ["send => x", "send(a) => x", "send(a, b, c) => x"] {
        refuses(input, "`send` takes two operands");
    }
    for input in ["send_from() => x", "send_from(a) => x", "send_from(a, b, c) => x"] {
        refuses(input, "`send_from` takes two operands");
    }
    refuses("default(a, b) => x", "`default` takes one operand at most");
}

#[test]
fn arrows_are_missed() {
    for input in ["recv(a)", "recv(a) -> v", "default", "default()"] {
        refuses(input, "this arm has no `=>` and no body");
    }
    for input in ["recv(a) v => x", "recv(a) {}", "recv(a), default => x", "send(a, b) = r => x"] {
        refuses(input, "expected `-> pattern` or `=>`");
    }
    for input in [
        "recv(a) -> v: u32 => x",
        "recv(a) -> P {} {}",
        "recv(a) -> (v) {}",
        "default {}",
        "default; ",
    ] {
        refuses(input, "expected `=>`");
    }
    for input in
        ["recv(a) -> v {}", "recv(a) -> v { x } recv(b) => y", "recv(a) -> v { x }, recv(b) => y"]
    {
        refuses(input, "expected `=>` after this");
    }
    for input in ["recv(a) ->", "recv(a) -> => x"] {
        refuses(input, "expected a pattern after this");
    }
    refuses("default -> v => x", "`default` has no result");
}

#[test]
fn bodies_are_missed() {
    for input in ["recv(a) =>", "recv(a) -> v =>, recv(b) => x", "default => ,"] {
        refuses(input, "expected a body after this");
    }
    refuses("recv(a) => f(); recv(b) => x", "expected `,`");
    refuses("recv(a) => x +, recv(b) => x", "expected an expression");
}

#[test]
fn half_of_the_results_is_not_enough() {
    for pattern in [
        "Some(v)",
        "None",
        "Ok(_)",
        "Err(e)",
        "Option::Some(v)",
        "Option::None",
        "(Ok(v))",
        "all @ Ok(_)",
        "1",
        "1..",
        "\"a\"",
    ] {
        refuses(&format!("recv(a) -> {pattern} => x"), "does not match every result");
    }
    for pattern in [
        "Some(_) | None",
        "v",
        "_",
        "(v)",
        "all @ (Ok(_) | Err(_))",
        "()",
        "P { x, .. }",
        "P(x)",
        "&v",
    ] {
        let input = format!("recv(a) -> {pattern} => x");
        assert!(syn::parse_str::<Select>(&input).is_ok(), "{input}");
    }
}

#[test]
fn guards_are_refused() {
    for input in
        ["recv(a) if b => x", "recv(a) -> v if b => x", "default if b => x", "if b => recv(a) => x"]
    {
        refuses(input, "has no `if`");
    }
    refuses("recv(a) -> P { v } if b => x", "has no `if`");
}

#[test]
fn one_default_and_biased_in_front() {
    refuses("default => x, recv(a) => y, default(d) => z", "one `default` at most");
    for input in ["biased, recv(a) => x", "biased recv(a) => x", "biased", "biased => x"] {
        refuses(input, "expected `;`");
    }
    refuses("recv(a) => x, biased; recv(b) => y", "before the first arm");
    refuses("biased; biased; recv(b) => y", "before the first arm");
}
