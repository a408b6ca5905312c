//! `confman key new`: a fresh key, and the stanza that lets nodes know it.

use clap::{Subcommand, ValueEnum};
use sha2::{Digest, Sha256};

use super::{Failure, output, secrets};

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  confman key new
  confman key new --name deploy --principal deploy@ci --role admin";

#[derive(Subcommand)]
enum Command {
    /// Make a key: prints it, and the stanza for each node's configuration file.
    New {
        /// What the key is called in configuration files and logs.
        #[arg(long, default_value = "admin")]
        name: String,
        /// Who acts with it, as the audit shows it [default: the name].
        #[arg(long)]
        principal: Option<String>,
        /// What it opens.
        #[arg(long, value_enum, default_value = "admin")]
        role: RoleArgument,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleArgument {
    Reader,
    Admin,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Command::New { name, principal, role } = &arguments.command;
    let key = secrets::api_key()?;
    output::print(&describe(&key, name, principal.as_deref(), *role))
}

fn describe(key: &str, name: &str, principal: Option<&str>, role: RoleArgument) -> String {
    let role = match role {
        RoleArgument::Reader => "reader",
        RoleArgument::Admin => "admin",
    };
    let digest = hex::encode(Sha256::digest(key.as_bytes()));
    let principal = toml::Value::from(principal.unwrap_or(name));
    let name = toml::Value::from(name);
    format!(
        "# The key. It is shown this once: keep it where secrets are kept.\n{key}\n\n\
         # For the configuration file of every node; the digest alone opens nothing.\n\
         [[auth.apiKeys]]\nname = {name}\nprincipal = {principal}\nrole = \"{role}\"\nkeySha256 = \"{digest}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stanza_reads_back_as_the_key_of_that_name() {
        let stanza = describe("cm_0123456789abcdef", "a\"b", None, RoleArgument::Reader);
        let table: toml::Table = stanza.replace("cm_0123456789abcdef\n", "").parse().expect("the stanza is TOML");
        let key = &table["auth"]["apiKeys"][0];
        assert_eq!((key["name"].as_str(), key["principal"].as_str()), (Some("a\"b"), Some("a\"b")));
        assert_eq!(key["role"].as_str(), Some("reader"));
        assert_eq!(key["keySha256"].as_str().map(str::len), Some(64));
    }
}
