//! Fresh random secrets.

use super::Failure;

/// An API key: `cm_` and 32 random bytes in hexadecimal. The prefix lets scanners find keys in places where no key
/// should be.
pub(super) fn api_key() -> Result<String, Failure> {
    Ok(format!("cm_{}", random_hex()?))
}

/// A secret for the nodes of one cluster.
pub(super) fn cluster_secret() -> Result<String, Failure> {
    random_hex()
}

fn random_hex() -> Result<String, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::failed(format!("the system gave no random bytes: {error}")))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_differ() {
        let (a, b) = (api_key().expect("random bytes"), api_key().expect("random bytes"));
        assert!(a.starts_with("cm_") && a.len() == 67 && a != b);
    }
}
