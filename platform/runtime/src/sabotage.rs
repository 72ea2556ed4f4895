//! Safeties that can be switched off, to prove that the simulator would notice. Only a build with debug assertions can:
//! tests and the simulator are. In a release [`is_off`] is the constant `false`.

/// Is this safety switched off, by `SABOTAGE=name`?
#[cfg(debug_assertions)]
#[must_use]
pub fn is_off(safety: &str) -> bool {
    static OFF: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    OFF.get_or_init(named).as_deref() == Some(safety)
}

/// Whoever has it in the environment by accident must see it.
#[cfg(debug_assertions)]
fn named() -> Option<String> {
    let named = std::env::var("SABOTAGE").ok();
    if let Some(safety) = &named {
        tracing::error!(
            safety,
            "SABOTAGE is set: this safety is switched off; unset it unless you mean to prove something"
        );
    }
    named
}

/// Is this safety switched off? Never: this build cannot.
#[cfg(not(debug_assertions))]
#[must_use]
pub const fn is_off(_safety: &str) -> bool {
    false
}
