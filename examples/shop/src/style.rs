//! Colours, where they are wanted.

use std::io::IsTerminal;

/// Whether to print in colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    Colour,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ink {
    Bold,
    Dim,
    Red,
    Green,
}

impl Style {
    /// Colour on a terminal whose user did not ask for none (<https://no-color.org>).
    #[expect(
        clippy::disallowed_methods,
        reason = "a setting of this program, not of the library"
    )]
    pub(crate) fn of_terminal() -> Self {
        let asks_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if asks_for_none || !std::io::stdout().is_terminal() {
            Self::Plain
        } else {
            Self::Colour
        }
    }

    pub(crate) fn paint(self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Bold => 1,
            Ink::Dim => 2,
            Ink::Red => 31,
            Ink::Green => 32,
        };
        match self {
            Self::Colour if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Plain | Self::Colour => text.to_owned(),
        }
    }
}
