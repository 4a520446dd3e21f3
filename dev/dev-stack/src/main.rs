//! `dev-stack`: see `dev-stack --help`.

mod cli;
mod commands;

use std::process::ExitCode;

use cli::Command;

#[tokio::main]
async fn main() -> ExitCode {
    let command = match cli::parse(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("dev-stack: {error:#}");
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Help => {
            print!("{}", cli::HELP);
            Ok(ExitCode::SUCCESS)
        }
        Command::Up => commands::up().await,
        Command::Demo => commands::demo().await,
        Command::Chaos => commands::chaos().await,
        Command::Services(words) => commands::services(words).await,
        Command::Migrate => commands::migrate().await,
        Command::Env => commands::env(),
        Command::Invoke { function, event } => commands::invoke(&function, &event).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("dev-stack: {error:#}");
        ExitCode::FAILURE
    })
}
