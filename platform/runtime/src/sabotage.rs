//! Safeties that can be switched off, to prove that the simulator would notice. Only a build with debug assertions can:
//! tests and the simulator are. In a release [`is_off`] is the constant `false`.

/// Is this safety switched off, by `SABOTAGE=name`?
#[cfg(debug_assertions)]
#[must_use]
pub fn is_off(safety: &str) -> bool {
    static OFF: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    OFF.get_or_init(|| std::env::var("SABOTAGE").ok()).as_deref() == Some(safety)
}

/// Is this safety switched off? Never: this build cannot.
#[cfg(not(debug_assertions))]
#[must_use]
pub const fn is_off(_safety: &str) -> bool {
    false
}
