//! Expansions of `#[rt::main]` and `#[rt::test]`; what they do when they run is tested in `tests/entry.rs`.

use quote::quote;

use super::*;

#[track_caller]
fn same(expanded: TokenStream, expected: TokenStream) {
    assert_eq!(expanded.to_string(), expected.to_string());
}

/// The messages of every `compile_error!` in an expansion.
fn errors(expanded: TokenStream) -> Vec<String> {
    let file: syn::File = syn::parse2(expanded).expect("an expansion is a list of items");
    let message = |item: &syn::Item| match item {
        syn::Item::Macro(item) => Some(item.mac.parse_body::<syn::LitStr>().unwrap().value()),
        _ => None,
    };
    file.items.iter().filter_map(message).collect()
}

#[track_caller]
fn refuses(expanded: TokenStream, message: &str) {
    let errors = errors(expanded);
    let [error] = &errors[..] else { panic!("not one error: {errors:?}") };
    assert!(error.contains(message), "{error}");
}

#[test]
fn main_reports_inside_the_goroutine() {
    same(
        expand_main(
            quote!(),
            quote! {
                /// Docs.
                #[allow(dead_code)]
                fn main() -> Result<(), E> { #![allow(unused)] run()?; Ok(()) }
            },
        ),
        quote! {
            /// Docs.
            #[allow(dead_code)]
            fn main() -> ::std::process::ExitCode {
                fn __rt_body() -> Result<(), E> { #![allow(unused)] run()?; Ok(()) }
                ::rt::__private::Entry::new().main(|| ::std::process::Termination::report(__rt_body()))
            }
        },
    );
}

#[test]
fn options_are_passed_on() {
    same(
        expand_main(
            quote!(procs = 4, stack_size = 256 * 1024,),
            quote!(
                pub fn main() {}
            ),
        ),
        quote! {
            pub fn main() -> ::std::process::ExitCode {
                fn __rt_body() {}
                ::rt::__private::Entry::new().procs(4).stack_size(256 * 1024)
                    .main(|| ::std::process::Termination::report(__rt_body()))
            }
        },
    );
}

#[test]
fn one_that_never_returns_reports_nothing() {
    same(
        expand_main(
            quote!(),
            quote!(
                fn main() -> ! {
                    exit(1)
                }
            ),
        ),
        quote! {
            fn main() -> ::std::process::ExitCode {
                fn __rt_body() -> ! { exit(1) }
                ::rt::__private::Entry::new().main(|| __rt_body())
            }
        },
    );
}

#[test]
fn a_test_may_own_the_scheduler() {
    same(
        expand_test(
            quote!(seed = 7, explore = N, virtual_time, leaks = "deny"),
            quote!(
                fn name() {}
            ),
        ),
        quote! {
            #[::core::prelude::v1::test]
            fn name() -> ::std::process::ExitCode {
                fn __rt_body() {}
                ::rt::__private::Test::new()
                    .name(::core::concat!(::core::module_path!(), "::", ::core::stringify!(name)))
                    .virtual_time(true).seed(7).explore(N)
                    .leaks(::rt::testing::Leaks::Deny)
                    .run(|| ::std::process::Termination::report(__rt_body()))
            }
        },
    );
}

#[test]
fn options_that_do_not_go_together() {
    for (options, message) in [
        (quote!(seed = 1, procs = 2), "`procs` and `seed` exclude each other"),
        (quote!(procs = 2, explore = 10), "`procs` and `explore` exclude each other"),
        (quote!(seed = 1, virtual_time = false), "time is virtual"),
        (quote!(explore = 0), "at least 1"),
        (quote!(seed), "needs a value"),
        (quote!(seed = "x"), "takes an integer"),
        (quote!(virtual_time = 3), "`true` or `false`"),
        (quote!(leaks = "none"), "\"allow\", \"report\" or \"deny\""),
        (quote!(leaks = DENY), "\"allow\", \"report\" or \"deny\""),
        (
            quote!(seeds = 1),
            "unknown option `seeds`: the options are `procs`, `stack_size`, `virtual_time`",
        ),
    ] {
        let function = quote!(
            fn name() {}
        );
        refuses(expand_test(options, function), message);
    }
}

#[test]
fn a_test_keeps_its_attributes() {
    same(
        expand_test(
            quote!(procs = N),
            quote!(
                #[ignore = "slow"]
                fn name() -> ExitCode {
                    code()
                }
            ),
        ),
        quote! {
            #[::core::prelude::v1::test]
            #[ignore = "slow"]
            fn name() -> ::std::process::ExitCode {
                fn __rt_body() -> ExitCode { code() }
                ::rt::__private::Test::new()
                    .name(::core::concat!(::core::module_path!(), "::", ::core::stringify!(name)))
                    .procs(N).run(|| ::std::process::Termination::report(__rt_body()))
            }
        },
    );
}

#[test]
fn a_test_that_should_panic_returns_unit() {
    for attribute in
        [quote!(#[should_panic(expected = "x")]), quote!(#[cfg_attr(unix, should_panic)])]
    {
        same(
            expand_test(quote!(), quote!(#attribute fn name() { f() })),
            quote! {
                #[::core::prelude::v1::test]
                #attribute
                fn name() {
                    fn __rt_body() { f() }
                    let _ = ::rt::__private::Test::new()
                    .name(::core::concat!(::core::module_path!(), "::", ::core::stringify!(name)))
                    .run(|| ::std::process::Termination::report(__rt_body()));
                }
            },
        );
    }
    refuses(
        expand_test(
            quote!(),
            quote!(
                #[should_panic]
                fn name() -> u8 {
                    1
                }
            ),
        ),
        "returns `()`",
    );
}

#[test]
fn a_bad_signature_is_the_only_error() {
    for (function, message) in [
        (
            quote!(
                async fn main() {}
            ),
            "remove the `async`",
        ),
        (
            quote!(
                const fn main() {}
            ),
            "not `const`",
        ),
        (
            quote!(
                unsafe fn main() {}
            ),
            "safe function",
        ),
        (
            quote!(
                extern "C" fn main() {}
            ),
            "Rust ABI",
        ),
        (
            quote!(
                fn main<T>() {}
            ),
            "generic parameters",
        ),
        (
            quote!(
                fn main()
                where
                    u8: Copy,
                {
                }
            ),
            "`where` clause",
        ),
        (
            quote!(
                fn main(args: Vec<String>) {}
            ),
            "without parameters",
        ),
    ] {
        let expanded = expand_main(quote!(), function.clone());
        assert!(expanded.to_string().ends_with("fn main () { }"), "{expanded}");
        refuses(expanded, message);
        refuses(expand_test(quote!(), function), message);
    }
    refuses(
        expand_main(
            quote!(),
            quote!(
                fn start() {}
            ),
        ),
        "`fn main`",
    );
    refuses(
        expand_main(
            quote!(),
            quote!(
                struct Main;
            ),
        ),
        "expected `fn`",
    );
}

#[test]
fn a_second_test_attribute_is_refused() {
    for attribute in
        [quote!(#[test]), quote!(#[core::prelude::v1::test]), quote!(#[rt::test(procs = 1)])]
    {
        refuses(expand_test(quote!(), quote!(#attribute fn name() {})), "a test already");
    }
}

#[test]
fn a_bad_option_leaves_the_function() {
    for (options, message) in [
        (quote!(threads = 4), "unknown option `threads`"),
        (quote!(type = 4), "unknown option `type`"),
        (quote!(seed = 4), "unknown option `seed`"),
        (quote!(procs), "`procs` needs a value"),
        (quote!(procs(4)), "`procs` needs a value"),
        (quote!(procs = 4, procs = 5), "`procs` is given twice"),
        (quote!(procs = "4"), "`procs` takes an integer"),
        (quote!(stack_size = 1.5), "`stack_size` takes an integer"),
        (quote!(procs = true), "`procs` takes an integer"),
        (quote!(procs = 0), "`procs` must be at least 1"),
        (quote!(4), "expected ident"),
        (quote!(procs = 4 stack_size = 5), "expected `,`"),
    ] {
        let expanded = expand_main(
            options,
            quote!(
                fn main() {
                    body()
                }
            ),
        );
        assert!(expanded.to_string().contains("body ()"), "{expanded}");
        refuses(expanded, message);
    }
}

#[test]
fn every_bad_option_is_reported() {
    let expanded = expand_main(
        quote!(a = 1, procs = "x", b),
        quote!(
            fn main() {}
        ),
    );
    assert_eq!(errors(expanded).len(), 3);
}
