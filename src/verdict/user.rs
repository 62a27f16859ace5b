//! Judging the user that an image says its app runs as.

use super::Finding;

/// The user is another one than root, whatever the spelling: a number, a name that the container's own `/etc/passwd` knows, each
/// perhaps with a group after a colon. No user means root.
pub fn is_not_root(app: &str, declared: &str, passwd: &str) -> Result<(), Finding> {
    let broken = |seen: String| Err(Finding { expected: format!("`{app}` is started as a user other than root"), seen });
    let (user, _group) = declared.split_once(':').unwrap_or((declared, ""));
    if user.is_empty() {
        return broken("no USER is set, which means root".into());
    }
    let number = user.parse::<u32>().ok().or_else(|| number_of(user, passwd));
    match number {
        None => broken(format!("USER is `{declared}`, and /etc/passwd of the image knows no `{user}`")),
        Some(0) if user.parse::<u32>().is_ok() => broken(format!("USER is `{declared}`")),
        Some(0) => broken(format!("USER is `{declared}`, and `{user}` has the uid 0")),
        Some(_) => Ok(()),
    }
}

/// The user is given as a number.
pub fn is_numeric(app: &str, declared: &str) -> Result<(), Finding> {
    let user = declared.split(':').next().unwrap_or_default();
    if user.is_empty() || user.parse::<u32>().is_ok() {
        // That there is none is another check's business.
        return Ok(());
    }
    Err(Finding { expected: format!("the user of `{app}` is a number"), seen: format!("USER is `{declared}`, a name") })
}

/// The uid that a table of users (passwd(5)) gives to a name.
fn number_of(name: &str, passwd: &str) -> Option<u32> {
    let mut entries = passwd.lines().map(|line| line.split(':'));
    let mut entry = entries.find(|entry| entry.clone().next() == Some(name))?;
    entry.nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\nbroken\n";

    #[test]
    fn root_is_found_in_every_spelling() {
        for (declared, is_root) in [
            ("", true),
            ("0", true),
            ("0:0", true),
            ("00", true),
            ("root", true),
            ("root:root", true),
            ("toor", true),
            ("toor:app", true),
            ("nobody-knows", true),
            (":10001", true),
            ("app", false),
            ("app:0", false),
            ("10001", false),
            ("10001:0", false),
            ("65532:65532", false),
        ] {
            assert_eq!(is_not_root("app", declared, PASSWD).is_err(), is_root, "{declared:?}");
        }
    }

    #[test]
    fn a_name_is_no_number() {
        assert!(is_numeric("app", "10001:app").is_ok() && is_numeric("app", "").is_ok());
        assert!(is_numeric("app", "app").is_err());
    }
}
