//! A namespace as a file that programs read: `env`, `properties`, `yaml` or `json`.
//!
//! One entry is one variable, property or member, in the order of the keys' bytes. Where a format has types, a `number`,
//! a `boolean` and a `json` value is one of its own; everything else is text, a `yaml` value too. What a format cannot say
//! is an error that names the key: nothing is left out, and nothing altered.

mod env;
mod json;
mod properties;
mod yaml;

use std::collections::BTreeMap;

use super::ValueType;

/// What a namespace can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Assignments that `sh` reads: `set -a; . ./file`. Plain values are as `docker --env-file` takes them.
    Env,
    /// `java.util.Properties`, in ASCII alone.
    Properties,
    /// YAML 1.2 that YAML 1.1 reads the same.
    Yaml,
    Json,
}

impl FileFormat {
    pub const ALL: [FileFormat; 4] = [FileFormat::Env, FileFormat::Properties, FileFormat::Yaml, FileFormat::Json];

    /// Its name in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            FileFormat::Env => "env",
            FileFormat::Properties => "properties",
            FileFormat::Yaml => "yaml",
            FileFormat::Json => "json",
        }
    }

    pub fn parse(text: &str) -> Option<FileFormat> {
        FileFormat::ALL.into_iter().find(|format| format.as_str() == text)
    }

    /// Its media type (RFC 9512 for YAML; nobody registered one for the first two).
    pub fn media_type(self) -> &'static str {
        match self {
            FileFormat::Env => "text/plain",
            FileFormat::Properties => "text/x-java-properties",
            FileFormat::Yaml => "application/yaml",
            FileFormat::Json => "application/json",
        }
    }
}

/// A file being written, entry by entry, in the order of the keys.
pub struct FileWriter {
    format: FileFormat,
    text: String,
    /// Of an `env` file: the variables so far, and of which keys they are.
    variables: BTreeMap<String, String>,
}

/// What a format cannot say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Unsayable {
    /// Of these keys.
    pub keys: Vec<String>,
    pub why: String,
}

impl FileWriter {
    pub fn new(format: FileFormat) -> FileWriter {
        FileWriter { format, text: String::new(), variables: BTreeMap::new() }
    }

    /// Writes the next entry. The value parses as its type.
    pub fn add(&mut self, key: &str, value_type: ValueType, value: &str) -> Result<(), Unsayable> {
        let unsayable = |why: String| Unsayable { keys: vec![key.to_owned()], why };
        match self.format {
            FileFormat::Env => {
                let name = env::variable(key).map_err(unsayable)?;
                if let Some(other) = self.variables.insert(name.clone(), key.to_owned()) {
                    let why = format!("the keys {other:?} and {key:?} would be one variable, {name}");
                    return Err(Unsayable { keys: vec![other, key.to_owned()], why });
                }
                env::write(&mut self.text, &name, value)
                    .map_err(|why| unsayable(format!("the value of the key {key:?} {why}")))
            }
            FileFormat::Properties => {
                properties::write(&mut self.text, key, value);
                Ok(())
            }
            FileFormat::Yaml => yaml::write(&mut self.text, key, value_type, value)
                .map_err(|why| unsayable(format!("the value of the key {key:?} {why}"))),
            FileFormat::Json => {
                json::write(&mut self.text, key, value_type, value);
                Ok(())
            }
        }
    }

    /// The bytes so far.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The whole file.
    pub fn finish(self) -> String {
        match self.format {
            FileFormat::Env | FileFormat::Properties => self.text,
            FileFormat::Yaml if self.text.is_empty() => "{}\n".to_owned(),
            FileFormat::Yaml => self.text,
            FileFormat::Json if self.text.is_empty() => "{}\n".to_owned(),
            FileFormat::Json => format!("{{\n{}\n}}\n", self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these entries.
    pub(super) fn file(format: FileFormat, entries: &[(&str, ValueType, &str)]) -> Result<String, Unsayable> {
        let mut writer = FileWriter::new(format);
        for (key, value_type, value) in entries {
            writer.add(key, *value_type, value)?;
        }
        Ok(writer.finish())
    }

    #[test]
    fn a_namespace_without_entries_is_a_file_of_nothing() {
        let files = FileFormat::ALL.map(|format| file(format, &[]).expect("nothing can be said by all"));
        assert_eq!(files, ["", "", "{}\n", "{}\n"]);
    }

    #[test]
    fn formats_have_names() {
        for format in FileFormat::ALL {
            assert_eq!(FileFormat::parse(format.as_str()), Some(format));
        }
        assert_eq!(FileFormat::parse("toml"), None);
    }
}
