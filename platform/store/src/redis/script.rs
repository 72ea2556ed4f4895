//! The scripts, named by their content, so that releases with different ones work side by side.

use std::sync::LazyLock;

use redis::Cmd;

/// A script and its name.
pub(super) struct Script {
    text: &'static str,
    named: LazyLock<redis::Script>,
}

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: Script =
            Script { text: include_str!($file), named: LazyLock::new(|| redis::Script::new(include_str!($file))) };
    };
}

script!(COMMIT, "commit.lua");
script!(LEASE, "lease.lua");
script!(GROUP, "group.lua");
script!(TRIM, "trim.lua");
script!(SWEEP, "sweep.lua");
script!(BIRTH, "birth.lua");

impl Script {
    /// Calls it by name. Every key it touches is declared.
    pub(super) fn call(&self, keys: &[Vec<u8>], arguments: &[Argument<'_>]) -> Cmd {
        let words = keys.len().saturating_add(arguments.len()).saturating_add(3);
        let bytes = keys.iter().map(Vec::len).chain(arguments.iter().map(|argument| argument.len())).sum::<usize>();
        let mut command = Cmd::with_capacity(words, bytes.saturating_add(64));
        command.arg("EVALSHA").arg(self.named.get_hash()).arg(keys.len());
        for key in keys {
            command.arg(key.as_slice());
        }
        for argument in arguments {
            command.arg(argument.as_ref());
        }
        command
    }

    /// Teaches it to a node.
    pub(super) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(self.text);
        command
    }

    #[cfg(test)]
    pub(super) fn text(&self) -> &'static str {
        self.text
    }
}

/// An argument of a script, borrowed where that saves a copy.
pub(super) type Argument<'a> = std::borrow::Cow<'a, [u8]>;

/// A small number as an argument: nearly all of them are these two.
pub(super) fn count<'a>(number: usize) -> Argument<'a> {
    match number {
        0 => b"0".into(),
        1 => b"1".into(),
        _ => number.to_string().into_bytes().into(),
    }
}

/// Words and numbers as arguments.
pub(super) fn word<'a>(text: impl ToString) -> Argument<'a> {
    text.to_string().into_bytes().into()
}
