//! Who may ask: the token, the host and the origin of a request.

use std::net::{IpAddr, Ipv6Addr};

/// What a page may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    Watch,
    /// It may also hold the controls.
    Control,
}

/// Returns what a page with `token` may do, or `None` if it may not even know what there is.
pub(super) fn rights(token: &str, watching: &str, controlling: Option<&str>) -> Option<Rights> {
    let can_watch = is_same(token, watching);
    let can_control = controlling.is_some_and(|own| is_same(token, own));
    match (can_watch, can_control) {
        (_, true) => Some(Rights::Control),
        (true, false) => Some(Rights::Watch),
        (false, false) => None,
    }
}

/// Returns true if the texts are equal. How long it takes does not depend on where they differ.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let differences = one
        .iter()
        .zip(other)
        .fold(0, |sum, (left, right)| sum | (left ^ right));
    one.len() == other.len() && differences == 0
}

/// Returns true if a page of another site cannot have sent a request to this host: its name is an address or
/// `localhost`. A foreign name that leads here (DNS rebinding) is neither.
pub(super) fn is_host(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name
        .strip_prefix('[')
        .and_then(|inside| inside.strip_suffix(']'));
    match bare {
        Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
        None => name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok(),
    }
}

/// Returns true if the page that opens a connection is the one that came from `host`.
pub(super) fn is_own(origin: Option<&str>, host: &str) -> bool {
    origin
        .and_then(|origin| origin.strip_prefix("http://"))
        .is_some_and(|from| from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_and_localhost_are_hosts() {
        for host in [
            "127.0.0.1:8080",
            "127.0.0.1",
            "localhost:1",
            "LocalHost",
            "[::1]:80",
            "[::1]",
            "192.168.1.5:9",
        ] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example:80",
            "localhost.evil.example",
            "[::1].evil:80",
            "127.0.0.1:80:80",
            "::1:x",
        ] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn only_the_page_itself_may_open_a_connection() {
        assert!(is_own(Some("http://127.0.0.1:80"), "127.0.0.1:80"));
        for origin in [
            None,
            Some("null"),
            Some("http://127.0.0.1:81"),
            Some("https://127.0.0.1:80"),
            Some("http://evil.example"),
        ] {
            assert!(!is_own(origin, "127.0.0.1:80"), "{origin:?}");
        }
    }

    #[test]
    fn each_token_gives_its_own_rights_and_no_other_text_gives_any() {
        let of = |token| rights(token, "watch", Some("control"));
        assert_eq!(of("watch"), Some(Rights::Watch));
        assert_eq!(of("control"), Some(Rights::Control));
        for other in ["", "watc", "controls", "Watch"] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(rights("watch", "watch", None), Some(Rights::Watch));
        assert_eq!(rights("", "watch", None), None);
        // One token for both is the stronger one.
        assert_eq!(rights("both", "both", Some("both")), Some(Rights::Control));
    }

    #[test]
    fn a_token_is_compared_as_a_whole() {
        assert!(is_same("abc", "abc"));
        for other in ["", "ab", "abd", "abcd", "Abc"] {
            assert!(!is_same("abc", other), "{other}");
        }
    }
}
