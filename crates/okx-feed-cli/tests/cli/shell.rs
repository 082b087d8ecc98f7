//! `okx-feed completions` and `okx-feed man`, the real program.

use std::process::Command;

use super::program::{Program, text};

const COMMANDS: [&str; 8] =
    ["demo", "watch", "serve", "soak", "decode", "bench", "completions", "man"];

fn printed(args: &[&str]) -> String {
    let output = Program::start(args).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn the_program_has_the_name_that_it_is_started_by() {
    let version = printed(&["--version"]);
    assert_eq!(version, concat!("okx-feed ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(printed(&["--help"]).contains("\nUsage: okx-feed [OPTIONS]"));
    assert!(printed(&["watch", "--help"]).contains("Usage: okx-feed watch"));
}

/// What bash offers after these words, the last of which is begun.
fn offered(words: &[&str]) -> Vec<String> {
    let script = printed(&["completions", "bash"]);
    let (last, list) = (words.len() - 1, words.join(" "));
    let previous = words[last.saturating_sub(1)];
    let current = words[last];
    let line = format!(
        "{script}\nCOMP_WORDS=({list} ''); COMP_CWORD={last}; COMPREPLY=()\n\
         [[ $(complete -p okx-feed) =~ -F\\ ([^\\ ]+) ]] || exit 1\n\
         \"${{BASH_REMATCH[1]}}\" okx-feed '{current}' '{previous}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let output = Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    let commands = offered(&["okx-feed", ""]);
    for command in COMMANDS {
        assert!(commands.iter().any(|offer| offer == command), "{command}: {commands:?}");
    }
    assert_eq!(offered(&["okx-feed", "wa"]), ["watch"]);
    assert_eq!(offered(&["okx-feed", "watch", "--dial"]), ["--dialect"]);
    assert_eq!(offered(&["okx-feed", "decode", "--dialect", "v"]), ["v3", "v5"]);
}

#[test]
fn every_shell_has_a_script_and_another_is_wrong_usage() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    let output = Program::start(&["completions", "csh"]).finish();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("bash"), "{}", text(&output.stderr));
}

#[test]
fn the_manual_page_is_roff_with_a_section_for_each_command() {
    let page = printed(&["man"]);
    let title = format!("\n.TH okx-feed 1 \" \" \"okx-feed {}\" ", env!("CARGO_PKG_VERSION"));
    assert!(page.contains(&title), "{page}");
    for command in COMMANDS {
        let heading = format!("\n.SH \"OKX-FEED {}\"\n", command.to_uppercase());
        assert_eq!(page.matches(&heading).count(), 1, "{command}");
    }
    // The examples keep their lines.
    assert!(page.contains("\n  okx\\-feed watch books5:BTC\\-USDT trades:BTC\\-USDT"), "{page}");
}
