//! Questions in a terminal.

use console::Term;

use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::output::{note, plain};

/// Asks for a text; blanks around it do not count, and an empty one means the value in brackets.
pub(crate) async fn text(prompt: &str, default: Option<&str>) -> Result<String, Failure> {
    let (prompt, shown) = (plain(prompt), default.map(plain));
    let answer = asked(move || {
        let input = dialoguer::Input::<String>::new().with_prompt(prompt);
        match shown {
            Some(default) => input.default(default).interact_text(),
            None => input.interact_text(),
        }
    });
    let answer = answer.await?.trim().to_owned();
    Ok(match default {
        // As it was shown it may not be what it is.
        Some(default) if answer.is_empty() || answer == plain(default).trim() => default.to_owned(),
        _ => answer,
    })
}

/// Asks for a password, which is not shown; empty if the known one is to be kept.
pub(crate) async fn password(known: bool) -> Result<String, Failure> {
    asked(move || {
        dialoguer::Password::new()
            .with_prompt(if known { "API Password [keep the one in the file]" } else { "API Password" })
            .allow_empty_password(known)
            .report(false)
            .interact()
    })
    .await
}

/// Asks for a yes or a no.
pub(crate) async fn yes(question: &str, default: bool) -> Result<bool, Failure> {
    let question = plain(question);
    asked(move || {
        dialoguer::Confirm::new().with_prompt(question).default(default).wait_for_newline(true).interact()
    })
    .await
}

/// Waits for an answer on a thread of its own, so that Ctrl-C is seen here and the terminal is put back.
async fn asked<T: Send + 'static>(
    prompt: impl FnOnce() -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, Failure> {
    let mut interrupts = Interrupts::listen();
    let _terminal = Terminal::remember();
    let interrupted =
        || Failure::new(Exit::Interrupted, "interrupted; nothing was written and nothing was sent");
    tokio::select! {
        biased;
        () = interrupts.next() => {
            note("");
            Err(interrupted())
        }
        answer = tokio::task::spawn_blocking(prompt) => match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(dialoguer::Error::IO(error))) if error.kind() == std::io::ErrorKind::Interrupted => {
                Err(interrupted())
            }
            Ok(Err(error)) => Err(Failure::usage_from("no answer was given", &error)),
            Err(error) => Err(Failure::usage_from("no answer was given", &error)),
        },
    }
}

/// The terminal as it was before a question: with its echo and its cursor.
struct Terminal {
    #[cfg(unix)]
    modes: Option<rustix::termios::Termios>,
}

impl Terminal {
    fn remember() -> Self {
        Self {
            #[cfg(unix)]
            modes: rustix::termios::tcgetattr(std::io::stdin()).ok(),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(modes) = &self.modes {
            let now = rustix::termios::OptionalActions::Now;
            let _ = rustix::termios::tcsetattr(std::io::stdin(), now, modes); // the terminal may be gone
        }
        let _ = Term::stderr().show_cursor();
    }
}
