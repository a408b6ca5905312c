//! Where settings come from, from weak to strong: the defaults, the file, the environment, flags.

use std::fmt;
use std::io;
use std::path::Path;

use super::section::nearest;
use super::settings::{PREFIX, SETTINGS};

/// All that a configuration is made of.
pub struct Sources<'a> {
    /// The file's path, for messages, and as the folder that relative paths in it start from.
    pub file: &'a Path,
    pub text: &'a str,
    /// Environment variables. Those that do not begin with `CONFMAN_` are not looked at.
    pub environment: &'a [(String, String)],
    /// Names of settings, and what flags say about them.
    pub flags: &'a [(&'static str, String)],
    /// Opens a `secretFile`.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// Where a setting's value comes from. The later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    /// Another setting.
    Derived(&'static str),
    /// File and line.
    File(String),
    Variable(String),
    Flag(&'static str),
}

impl Origin {
    /// The stronger wins.
    pub(super) fn strength(&self) -> u8 {
        match self {
            Origin::Default | Origin::Derived(_) => 0,
            Origin::File(_) => 1,
            Origin::Variable(_) => 2,
            Origin::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Derived(what) => write!(f, "from {what}"),
            Origin::File(place) => f.write_str(place),
            Origin::Variable(name) => f.write_str(name),
            Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// One setting as it holds, for people.
#[derive(Clone, PartialEq, Eq)]
pub struct Effective {
    pub name: String,
    /// As the file would have it; hidden where it is a secret.
    pub value: String,
    pub origin: Origin,
}

/// What stands above the file.
pub(super) struct Overrides {
    /// By setting; the strongest.
    pub given: Vec<(&'static str, Origin, String)>,
    /// Variables that are no settings, but look like one.
    pub typos: Vec<(String, String)>,
    /// Variables that look like none.
    pub ignored: Vec<String>,
}

impl Overrides {
    pub fn read(environment: &[(String, String)], flags: &[(&'static str, String)]) -> Overrides {
        let mut overrides = Overrides { given: Vec::new(), typos: Vec::new(), ignored: Vec::new() };
        for (name, value) in flags {
            let flag = super::settings::find(name).flag.expect("a setting that is given by flag has one");
            overrides.given.push((name, Origin::Flag(flag), value.clone()));
        }
        for (variable, value) in environment {
            let Some(bare) = variable.strip_prefix(PREFIX) else { continue };
            let setting = SETTINGS.iter().find(|setting| setting.variable().as_ref() == Some(variable));
            match setting {
                // Empty is the same as absent: many tools cannot unset a variable.
                Some(_) if value.is_empty() => {}
                // A flag is stronger.
                Some(setting) if overrides.given.iter().any(|(name, ..)| *name == setting.name) => {}
                Some(setting) => {
                    overrides.given.push((setting.name, Origin::Variable(variable.clone()), value.clone()));
                }
                None => {
                    let known: Vec<String> = SETTINGS.iter().filter_map(|setting| setting.variable()).collect();
                    let known: Vec<&str> = known.iter().filter_map(|name| name.strip_prefix(PREFIX)).collect();
                    match nearest(bare, &known) {
                        Some(meant) => overrides.typos.push((variable.clone(), format!("{PREFIX}{meant}"))),
                        None => overrides.ignored.push(variable.clone()),
                    }
                }
            }
        }
        overrides
    }
}
