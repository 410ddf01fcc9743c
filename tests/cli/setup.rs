//! The wizard, driven through a terminal.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use kwtsms_async::sandbox::Fault;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use super::files::{count, report};
use super::{PASSWORD, World};

/// The command in a terminal, and all that was seen there.
struct Terminal {
    session: PtySession,
    seen: String,
}

impl Terminal {
    /// Starts it with an empty environment.
    fn start(world: &World, args: &[&str]) -> Self {
        Self::start_with(world, args, &[])
    }

    fn start_with(world: &World, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kwtsms"));
        command.args(args).env_clear().env("TERM", "xterm").current_dir(world.folder.path());
        command.envs(env.iter().copied());
        let options = Options::new().timeout_ms(Some(20_000)).strip_ansi_escape_codes(true);
        Self { session: spawn_with_options(command, options).unwrap(), seen: String::new() }
    }

    #[track_caller]
    fn sees(&mut self, text: &str) -> &mut Self {
        match self.session.exp_string(text) {
            Ok(before) => self.seen.push_str(&(before + text)),
            Err(error) => panic!("{text:?} did not come after\n{}\n{error}", self.seen),
        }
        self
    }

    fn types(&mut self, line: &str) -> &mut Self {
        self.session.send_line(line).unwrap();
        self
    }

    /// Waits for the end, and gives the exit code and all that was seen.
    fn ends(mut self) -> (i32, String) {
        self.seen.push_str(&self.session.exp_eof().unwrap());
        assert!(!self.seen.contains(PASSWORD), "the password was shown");
        // The type of the status is not public: "Exited(Pid(7), 0)", "Signaled(Pid(7), SIGINT, false)".
        let status = format!("{:?}", self.session.process().wait().unwrap());
        let code =
            status.strip_prefix("Exited(").and_then(|rest| rest.trim_end_matches(')').split(", ").nth(1));
        match code {
            Some(code) => (code.parse().unwrap(), self.seen),
            None if status.contains("SIGINT") => (130, self.seen),
            None => panic!("{status}"),
        }
    }
}

fn mode(world: &World) -> u32 {
    std::fs::metadata(world.path(".env")).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_wizard_asks_checks_and_writes_and_keeps_what_is_not_its_own() {
    let world = World::new();
    world.sandbox.account("user").set_sender_ids(["KWT-SMS", "MY APP"]);
    let before = "# my settings\nDATABASE_URL=\"postgres://x\"\nKWTSMS_USERNAME=someone\n";
    let file = world.write(".env", before);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let url = world.sandbox.base_url().to_owned();

    let mut terminal = Terminal::start(&world, &["setup", "--base-url", &url]);
    terminal.sees("kwtSMS Setup").sees("Gateway (kwtsms for the real one)").types("");
    terminal.sees("API Username [someone]").types("user");
    terminal.sees("API Password").types("wrong").sees("FAILED").sees("ERR003");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before, "nothing is written before it is verified");
    terminal.sees("API Username [user]").types("");
    terminal.sees("API Password").types(PASSWORD).sees("Verifying credentials... OK  (Balance: 1000)");
    terminal.sees("1. KWT-SMS").sees("2. MY APP").sees("Select Sender ID").types("my app");
    terminal.sees("Letter case counts: the account has MY APP").sees("Use it all the same?").types("n");
    terminal.sees("Select Sender ID").types("2");
    terminal.sees("credits held until deleted from the queue").sees("Choose [1]").types("3");
    terminal.sees("Type 1 or 2").sees("Choose [1]").types("2").sees("Live mode selected");
    terminal.sees("Log file path [kwtsms.log]").types("off");
    terminal.sees("Saved to .env").sees("Mode: LIVE");
    assert_eq!(terminal.ends().0, 0);

    let written = format!(
        "# my settings\nDATABASE_URL=\"postgres://x\"\nKWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\n\
         KWTSMS_SENDER_ID='MY APP'\nKWTSMS_TEST_MODE=0\nKWTSMS_LOG_FILE=\nKWTSMS_BASE_URL={url}\n"
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    assert_eq!(mode(&world), 0o600);

    // A second time, Enter keeps everything.
    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees(&format!("Gateway (kwtsms for the real one) [{url}]")).types("");
    terminal.sees("API Username [user]").types("");
    terminal.sees("API Password [keep the one in the file]").types("").sees("OK  (Balance: 1000)");
    terminal.sees("Select Sender ID (number or name) [MY APP]").types("");
    terminal.sees("Choose [2]").types("").sees("Log file path [off]").types("").sees("Saved to .env");
    assert_eq!(terminal.ends().0, 0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 1, "no other file is left behind");
}

#[test]
fn a_first_run_in_a_terminal_offers_the_setup_and_then_goes_on() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    let mut terminal = Terminal::start(&world, &["balance", "--base-url", &url]);
    terminal.sees("KWTSMS_USERNAME and KWTSMS_PASSWORD not set").sees("Start the setup now?").types("y");
    terminal.sees("Gateway").types("");
    terminal.sees("API Username").types("user").sees("API Password").types(PASSWORD);
    terminal.sees("Select Sender ID").types("").sees("Choose [1]").types("").sees("Log file path").types("");
    terminal.sees("Mode: TEST").sees("Available: 1000  |  Purchased: 1000");
    assert_eq!(terminal.ends().0, 0);
    assert_eq!(mode(&world), 0o600);

    let world = World::new();
    let mut terminal = Terminal::start(&world, &["balance"]);
    terminal.sees("Start the setup now?").types("n").sees("not set");
    assert_eq!(terminal.ends().0, 5);
    assert!(!world.path(".env").exists());
}

#[test]
fn ctrl_c_in_the_wizard_writes_nothing() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees("Gateway [https://www.kwtsms.com/API/]").types("").sees("API Username");
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends().0, 130);
    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees("Gateway").types("").sees("API Username").types("user").sees("API Password");
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends().0, 130);
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 0);
}

#[test]
fn ctrl_c_at_the_password_gives_the_terminal_its_echo_back() {
    let world = World::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", "stty echo; trap : INT; \"$0\" setup; echo exit $?; stty -a"]);
    shell.arg(env!("CARGO_BIN_EXE_kwtsms")).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    shell.env("TERM", "xterm").current_dir(world.folder.path());
    let options = Options::new().timeout_ms(Some(20_000)).strip_ansi_escape_codes(true);
    let mut terminal = Terminal { session: spawn_with_options(shell, options).unwrap(), seen: String::new() };
    terminal.sees("Gateway").types("").sees("API Username").types("user").sees("API Password");
    terminal.session.send_control('c').unwrap();
    terminal.sees("exit 130");
    let seen = terminal.ends().1;
    assert!(seen.contains(" echo ") && !seen.contains("-echo "), "{seen}");
}

#[test]
fn the_wizard_can_be_tried_with_the_sandbox_and_then_writes_nothing() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["--sandbox", "setup"]);
    terminal.sees("API Username").types("anyone").sees("API Password").types("anything");
    terminal.sees("SANDBOX at").sees("OK  (Balance: 1000)");
    terminal.sees("Select Sender ID").types("").sees("Choose [1]").types("").sees("Log file path").types("");
    terminal.sees(".env was left as it is: this was the sandbox");
    assert_eq!(terminal.ends().0, 0);
    assert!(!world.path(".env").exists());
}

#[test]
fn a_gateway_that_cannot_be_reached_lets_nothing_be_written() {
    let world = World::new();
    let mut terminal = Terminal::start(&world, &["setup", "--base-url", "http://127.0.0.1:1/API/"]);
    terminal
        .sees("Gateway")
        .types("")
        .sees("API Username")
        .types("user")
        .sees("API Password")
        .types(PASSWORD);
    terminal.sees("Nothing was written");
    assert_eq!(terminal.ends().0, 1);
    assert!(!world.path(".env").exists());
}

#[test]
fn a_live_message_to_many_asks_first() {
    let world = World::new();
    let list: String = (0..250).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list);
    let url = world.sandbox.base_url().to_owned();
    let env = [("KWTSMS_USERNAME", "user"), ("KWTSMS_PASSWORD", PASSWORD), ("KWTSMS_BASE_URL", url.as_str())];
    let mut terminal = Terminal::start_with(&world, &["send", "-f", "n.txt", "hi"], &env);
    terminal
        .sees("The sender is KWT-SMS, which is shared by all accounts for tests: slow on purpose")
        .sees("Send a LIVE message to 250 numbers in n.txt from KWT-SMS, for about 250 credits?")
        .types("");
    assert_eq!(terminal.ends().0, 2);
    assert_eq!(world.sends(), 0);

    let mut terminal = Terminal::start_with(&world, &["send", "-f", "n.txt", "hi"], &env);
    terminal.sees("for about 250 credits?").types("y");
    terminal.sees("/250").sees("Accepted 250 of 250");
    let (code, seen) = terminal.ends();
    assert_eq!(code, 0, "{seen}");
    assert_eq!(
        seen.matches("shared by all accounts").count(),
        1,
        "before the question and not again: {seen}"
    );
    assert_eq!(world.sends(), 2);
}

#[test]
fn another_gateway_is_shown_asked_for_and_taken_out() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    world.write(
        ".env",
        format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_BASE_URL={url}\n"),
    );
    let mut terminal = Terminal::start(&world, &["balance"]);
    terminal.sees(&format!("Gateway: {url} (from .env)")).sees("Available: 1000");
    assert_eq!(terminal.ends().0, 0);

    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees(&format!("Gateway (kwtsms for the real one) [{url}]")).types("http://www.kwtsms.com/API/");
    terminal.sees("asked over https://").sees("Gateway").types("http://sandbox:4010/API/");
    terminal
        .sees("travel in clear")
        .sees("Allow it, for a sandbox")
        .types("n")
        .sees("Gateway")
        .types(&url.replace("127.0.0.1", "localhost"));
    terminal.sees("API Username").types("").sees("API Password").types("").sees("OK  (Balance: 1000)");
    terminal.sees("Select Sender ID").types("").sees("Choose [1]").types("").sees("Log file path").types("");
    terminal.sees("Saved to .env");
    assert_eq!(terminal.ends().0, 0);
    let written = std::fs::read_to_string(world.path(".env")).unwrap();
    assert!(written.contains("KWTSMS_BASE_URL=http://localhost:"), "{written}");

    // There is no real gateway here: the setting is gone before the credentials are tried.
    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees("Gateway (kwtsms for the real one)").types("kwtsms").sees("API Username");
    terminal.session.send_control('c').unwrap();
    assert_eq!(terminal.ends().0, 130);
}

#[test]
fn a_gateway_in_a_network_of_containers_is_asked_in_clear_once_that_is_allowed() {
    let world = World::new();
    // The name is known to a proxy only, and the sandbox is that proxy: it is asked by the whole address.
    let proxy = world.sandbox.base_url().trim_end_matches("/API/").to_owned();
    let env = [("HTTP_PROXY", proxy.as_str())];
    let mut terminal = Terminal::start_with(&world, &["setup"], &env);
    terminal.sees("Gateway").types("http://sandbox:4010/API/").sees("travel in clear");
    terminal.sees("Allow it, for a sandbox in a network of containers?").types("y");
    terminal.sees("API Username").types("user").sees("API Password").types(PASSWORD).sees("OK  (Balance");
    terminal.sees("Select Sender ID").types("").sees("Choose [1]").types("").sees("Log file path").types("");
    terminal.sees("Saved to .env");
    assert_eq!(terminal.ends().0, 0);
    let written = std::fs::read_to_string(world.path(".env")).unwrap();
    assert!(
        written.contains("\nKWTSMS_BASE_URL=http://sandbox:4010/API/\nKWTSMS_ALLOW_HTTP=1\n"),
        "{written}"
    );

    let mut terminal = Terminal::start_with(&world, &["balance"], &env);
    terminal.sees(
        "Gateway: http://sandbox:4010/API/ (from .env); the password, numbers and texts travel in clear",
    );
    terminal.sees("Available: 1000");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn a_file_without_credentials_proposes_no_gateway_and_no_log() {
    let world = World::new();
    world.write(".env", "KWTSMS_BASE_URL=https://example.com/API/\nKWTSMS_LOG_FILE=/tmp/of-others\n");
    let mut terminal = Terminal::start(&world, &["setup"]);
    terminal.sees(".env holds no credentials, and names another gateway: https://example.com/API/");
    terminal.sees("Gateway [https://www.kwtsms.com/API/]").types(world.sandbox.base_url());
    terminal.sees("API Username").types("user").sees("API Password").types(PASSWORD).sees("OK");
    terminal.sees("Select Sender ID").types("").sees("Choose [1]").types("");
    terminal.sees("Log file path [kwtsms.log]").types("").sees("Saved to .env");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn a_pipe_is_no_file_to_write() {
    let world = World::new();
    assert!(Command::new("mkfifo").arg(world.path("pipe")).status().unwrap().success());
    let mut terminal = Terminal::start(&world, &["setup", "--env-file", "pipe"]);
    terminal.sees("pipe cannot be written: it is a folder or a pipe");
    assert_eq!(terminal.ends().0, 2);
}

#[test]
fn a_text_that_was_lost_is_asked_about() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    let env = [("KWTSMS_USERNAME", "user"), ("KWTSMS_PASSWORD", PASSWORD), ("KWTSMS_BASE_URL", url.as_str())];
    let lost = ["send", "96598765432", "???? ??????? 1234"];
    let mut terminal = Terminal::start_with(&world, &lost, &env);
    terminal.sees("Most of the text is question marks").sees("Send it all the same?").types("");
    assert_eq!(terminal.ends().0, 2);
    let ran = world.run(&lost).exits(2);
    assert!(ran.err.contains("needs --yes") && ran.err.contains("another encoding"), "{}", ran.err);
    assert_eq!(world.sends(), 0);
    let mut terminal = Terminal::start_with(&world, &lost, &env);
    terminal.sees("Send it all the same?").types("y").sees("Sent");
    assert_eq!(terminal.ends().0, 0);
    world.run(&["send", "96551234567", "??? ???", "--yes"]).exits(0);
    world.run(&["send", "96551234568", "Are you there??"]).exits(0);
}

#[test]
fn a_full_queue_is_shown_and_ctrl_c_ends_the_wait() {
    let world = World::new();
    let list: String = (0..250).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list);
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    let url = world.sandbox.base_url().to_owned();
    let env = [("KWTSMS_USERNAME", "user"), ("KWTSMS_PASSWORD", PASSWORD), ("KWTSMS_BASE_URL", url.as_str())];
    let args = ["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"];
    let mut terminal = Terminal::start_with(&world, &args, &env);
    terminal.sees("The gateway's queue is full: waiting 30 s (Ctrl-C stops).");
    terminal.sees("0/250").sees("waiting for the full queue");
    terminal.session.send_control('c').unwrap();
    terminal.sees("Stopping").sees("Failed: ERR013").sees("not attempted 50");
    assert_eq!(terminal.ends().0, 130);
    let rows = report(&world, "r.csv");
    assert_eq!((count(&rows, "refused"), count(&rows, "not_attempted")), (200, 50));
    assert_eq!(world.sends(), 1);
}
