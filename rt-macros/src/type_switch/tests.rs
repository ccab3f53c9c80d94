//! Expansions of `type_switch!`, as source text; what they do when they run is tested in `tests/type_switch.rs`.

use quote::quote;
use syn::Expr;

use super::*;

/// Parsed as an expression and printed: the same for every spacing.
fn normal(tokens: TokenStream) -> String {
    let expr: Expr = syn::parse2(tokens).expect("an expansion is an expression");
    expr.to_token_stream().to_string()
}

/// The branches that `input` expands to, behind what is always there.
#[track_caller]
fn expands(input: &str, operand: &str, branches: &str) {
    let [operand, branches] = [operand, branches].map(|text| {
        let text = text.replace("any::", "::rt::__private::any::");
        text.replace("Some", "::core::option::Option::Some").parse::<TokenStream>().unwrap()
    });
    let expected = quote! {
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
                    ((&&&__rt_operand).__rt_subject(), (&&__rt_operand).__rt_value())
                };
                let __rt_value = __rt_look(__rt_subject);
                #branches
            }
        }
    };
    assert_eq!(normal(expand(input.parse().unwrap())), normal(expected));
}

/// The message of the error holds `message`.
#[track_caller]
fn refuses(input: &str, message: &str) {
    let error = match syn::parse_str::<TypeSwitch>(input) {
        Ok(switch) => panic!("accepted as {}", expand_switch(&switch)),
        Err(error) => error.to_string(),
    };
    assert!(error.contains(message), "{error}");
}

#[test]
fn each_kind_of_arm() {
    expands(
        "v = self.x; nil => a, bool => b(v), i32 | dyn S => { c } (dyn T) => d, _ => e",
        "self.x",
        "if ::core::option::Option::is_none(&__rt_value) { let v = __rt_subject; let _ = &v; match () { () => a } }
        else if let Some(__rt_case) = any::case::<bool>(__rt_value) {
            let v = __rt_case; let _ = &v; match () { () => b(v) }
        } else if ::core::option::Option::is_some(&any::case::<i32>(__rt_value)) || ::core::option::Option::is_some(&any::case_dyn::<dyn S>(__rt_value)) {
            let v = __rt_subject; let _ = &v; match () { () => { c } }
        } else if let Some(__rt_case) = any::case_dyn::<(dyn T)>(__rt_value) {
            let v = __rt_case; let _ = &v; match () { () => d }
        } else { let v = __rt_subject; let _ = &v; match () { () => e } }",
    );
}

#[test]
fn without_a_name_without_a_default() {
    expands(
        "f(x); | Vec<u8> => a,",
        "f(x)",
        "if let Some(__rt_case) = any::case::<Vec<u8>>(__rt_value) { let _ = __rt_case; match () { () => a } } else {}",
    );
    expands("_ = x;", "x", "{}");
    expands(
        "x; nil | u8 => a",
        "x",
        "if ::core::option::Option::is_none(&__rt_value) || ::core::option::Option::is_some(&any::case::<u8>(__rt_value)) { let _ = __rt_subject; match () { () => a } } else {}",
    );
    expands("x == y; _ => a", "x == y", "{ let _ = __rt_subject; match () { () => a } }");
}

#[test]
fn heads_that_are_refused() {
    refuses("", "expected `name = operand;`");
    refuses("v = x", "expected `name = operand;`");
    refuses("x, bool => {}", "expected `name = operand;`");
    refuses("v := x; bool => {}", "without a colon");
}

#[test]
fn arms_that_are_refused() {
    refuses("x; _ => {} bool => {}", "stands alone in the last arm");
    refuses("x; _ | bool => {}", "stands alone in the last arm");
    refuses("x; bool | _ => {}", "stands alone in the last arm");
    refuses("x; bool => {} bool => {}", "was there before");
    refuses("x; nil | nil => {}", "was there before");
    refuses("x; bool if y => {}", "no `if`");
    refuses("x; 5 => {}", "expected a type");
    refuses("x; Some(y) => {}", "expected a type");
    refuses("x; S { a } => {}", "expected a type");
    refuses("x; bool", "expected `=>` and a body");
    refuses("x; bool =>", "expected a body after this");
    refuses("x; bool => a i32 => b", "expected `,`");
}
