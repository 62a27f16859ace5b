//! Who a process of an image runs as.

use super::Entry;

/// Who a process is, by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u64,
    /// Its group, and the further ones.
    pub gids: Vec<u64>,
}

impl Identity {
    /// Who is meant by a user as an image or a compose file declares it, by the tables of users and groups (passwd(5), group(5)) of
    /// the image. Nobody means root. Nothing when a name is in no table.
    #[must_use]
    pub fn resolve(declared: &str, passwd: &str, group: &str) -> Option<Self> {
        let (user, asked_group) = declared.split_once(':').unwrap_or((declared, ""));
        let user = if user.is_empty() { "0" } else { user };
        let fields = |table: &str, by: usize, wanted: &str| -> Option<Vec<String>> {
            let mut lines = table.lines().map(|line| line.split(':').map(str::to_owned).collect::<Vec<_>>());
            lines.find(|fields| fields.get(by).is_some_and(|field| field == wanted))
        };
        let number = |fields: &[String], at: usize| fields.get(at)?.parse::<u64>().ok();
        // A name may consist of digits, but no engine looks for one then.
        let known = fields(passwd, if user.parse::<u64>().is_ok() { 2 } else { 0 }, user);
        let uid = user.parse().ok().or_else(|| number(known.as_ref()?, 2))?;
        if !asked_group.is_empty() {
            let gid = asked_group.parse().ok().or_else(|| number(&fields(group, 0, asked_group)?, 2))?;
            return Some(Self { uid, gids: vec![gid] });
        }
        let name = known.as_ref().and_then(|known| known.first().cloned());
        let mut gids = vec![known.as_ref().and_then(|known| number(known, 3)).unwrap_or_default()];
        for fields in group.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
            let is_member = |name: &String| fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name));
            if name.as_ref().is_some_and(is_member) {
                gids.extend(fields.get(2).and_then(|gid| gid.parse::<u64>().ok()));
            }
        }
        Some(Self { uid, gids })
    }

    /// Whether the permission bits let this user write to a file or folder.
    pub(super) fn may_write(&self, entry: &Entry) -> bool {
        let bit = if self.uid == entry.uid {
            0o200
        } else if self.gids.contains(&entry.gid) {
            0o020
        } else {
            0o002
        };
        self.uid == 0 || entry.mode & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:10001:10001::/home/app:/bin/sh\nbroken\n";

    #[test]
    fn users_and_groups_are_resolved_through_the_tables() {
        let group = "root:x:0:\napp:x:10001:\ndata:x:33:app,other\n";
        let of = |declared: &str| Identity::resolve(declared, PASSWD, group).map(|identity| (identity.uid, identity.gids));
        for (declared, identity) in [
            ("", Some((0, vec![0]))),
            ("root", Some((0, vec![0]))),
            ("toor", Some((0, vec![0]))),
            ("app", Some((10001, vec![10001, 33]))),
            ("10001", Some((10001, vec![10001, 33]))),
            ("10001:0", Some((10001, vec![0]))),
            ("app:data", Some((10001, vec![33]))),
            ("4242", Some((4242, vec![0]))),
            ("nobody-knows", None),
            ("app:nobody-knows", None),
        ] {
            assert_eq!(of(declared), identity, "{declared:?}");
        }
    }

    #[test]
    fn the_bits_of_the_first_class_that_fits_decide() {
        let entry =
            |mode| Entry { path: "app/x".into(), kind: crate::image::Kind::File, mode, uid: 7, gid: 8, size: 1, link: None };
        for (uid, gid, mode, may_write) in [
            (7, 1, 0o200, true),
            (7, 8, 0o022, false),
            (1, 8, 0o020, true),
            (1, 8, 0o202, false),
            (1, 1, 0o002, true),
            (1, 1, 0o220, false),
            (0, 0, 0o000, true),
        ] {
            let user = Identity { uid, gids: vec![gid] };
            assert_eq!(user.may_write(&entry(mode)), may_write, "{uid}:{gid} {mode:o}");
        }
    }
}
