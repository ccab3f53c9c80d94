//! The CPU quota of the control groups this process is in.
//!
//! `/proc/self/cgroup` says which group, `/proc/self/mountinfo` where its files are. The quota of
//! every group up to the root of the mount binds, so the smallest counts. Both versions of the
//! interface may be mounted at once; a system without them has no quota.

use std::path::{Component, Path, PathBuf};

/// Whole CPUs that the quota pays for, rounded up; `None` without a quota.
pub(super) fn cpu_quota() -> Option<usize> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    smallest(&groups, &mounts, |path| std::fs::read_to_string(path).ok())
}

/// [`cpu_quota`] over any text and any file system.
fn smallest(groups: &str, mounts: &str, read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    let mut least: Option<usize> = None;
    for mount in mounts.lines().filter_map(Mount::parse) {
        let Some(group) = group_path(groups, mount.version) else {
            continue;
        };
        let mut dir = mount.dir_of(group);
        loop {
            let here = match mount.version {
                Version::V1 => quota_v1(&dir, &read),
                Version::V2 => read(&dir.join("cpu.max")).and_then(|text| parse_cpu_max(&text)),
            };
            least = match (least, here) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            if dir == mount.point || !dir.pop() {
                break;
            }
        }
    }
    least
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    V1,
    V2,
}

/// A mounted hierarchy that can hold CPU quotas.
#[derive(Debug, PartialEq)]
struct Mount {
    version: Version,
    /// The group that the mount point shows: not `/` inside many containers.
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    /// Reads one line of mountinfo: `id parent dev root point options [tags] - type source super`.
    fn parse(line: &str) -> Option<Mount> {
        let (place, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup2" => Version::V2,
            "cgroup" if kind.nth(1)?.split(',').any(|option| option == "cpu") => Version::V1,
            _ => return None,
        };
        let mut place = place.split(' ').skip(3);
        Some(Mount {
            version,
            root: unescape(place.next()?).into(),
            point: unescape(place.next()?).into(),
        })
    }

    /// Where the files of `group` are; the mount point itself when the mount does not show it.
    fn dir_of(&self, group: &str) -> PathBuf {
        let below = Path::new(group).strip_prefix(&self.root).ok();
        match below {
            // A group outside the namespace reads `/../x`, which is no path below the mount.
            Some(below) if below.components().all(|c| matches!(c, Component::Normal(_))) => {
                self.point.join(below)
            }
            _ => self.point.clone(),
        }
    }
}

/// The group of this process in a hierarchy; a line is `id:controllers:path`, v2's is `0::path`.
fn group_path(groups: &str, version: Version) -> Option<&str> {
    groups.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let ours = match version {
            Version::V1 => controllers.split(',').any(|name| name == "cpu"),
            Version::V2 => id == "0" && controllers.is_empty(),
        };
        ours.then_some(path)
    })
}

/// `cpu.max` is `quota period` in microseconds, the quota `max` when there is none.
fn parse_cpu_max(text: &str) -> Option<usize> {
    let mut words = text.split_whitespace();
    let quota = words.next()?.parse().ok()?;
    let period = words.next().map_or(Some(100_000), |word| word.parse().ok())?;
    whole_cpus(quota, period)
}

/// Version 1 keeps the two in a file each, the quota -1 when there is none.
fn quota_v1(dir: &Path, read: impl Fn(&Path) -> Option<String>) -> Option<usize> {
    let quota = read(&dir.join("cpu.cfs_quota_us"))?.trim().parse().ok()?;
    let period = read(&dir.join("cpu.cfs_period_us"))?.trim().parse().ok()?;
    whole_cpus(quota, period)
}

fn whole_cpus(quota: u64, period: u64) -> Option<usize> {
    if period == 0 {
        return None;
    }
    Some(usize::try_from(quota.div_ceil(period)).ok()?.max(1))
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 4).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = code {
            out.push(char::from(byte));
            rest = &rest[at + 4..];
        } else {
            out.push('\\');
            rest = &rest[at + 1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str =
        "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                      34 24 0:30 / /sys/fs/cgroup/cpuset rw shared:10 - cgroup cgroup rw,cpuset\n";

    fn quota_of(groups: &str, mounts: &str, files: &[(&str, &str)]) -> Option<usize> {
        smallest(groups, mounts, |path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        })
    }

    #[test]
    fn v2_rounds_up() {
        let files = [("/sys/fs/cgroup/a/cpu.max", "150000 100000\n")];
        assert_eq!(quota_of("0::/a\n", V2, &files), Some(2));
    }

    #[test]
    fn v2_takes_the_smallest_on_the_way_to_the_root() {
        let files = [
            ("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n"),
            ("/sys/fs/cgroup/a/b/cpu.max", "800000 100000\n"),
            ("/sys/fs/cgroup/a/cpu.max", "300000 100000\n"),
            ("/sys/fs/cgroup/cpu.max", "900000 100000\n"),
        ];
        assert_eq!(quota_of("0::/a/b/c\n", V2, &files), Some(3));
    }

    #[test]
    fn no_quota_is_none() {
        let files = [("/sys/fs/cgroup/a/cpu.max", "max 100000\n")];
        assert_eq!(quota_of("0::/a\n", V2, &files), None);
        assert_eq!(quota_of("0::/a\n", V2, &[]), None);
        assert_eq!(quota_of("", "", &[]), None);
    }

    #[test]
    fn v1_reads_two_files_and_minus_one_is_none() {
        let groups = "4:cpu,cpuacct:/x\n3:cpuset:/y\n0::/\n";
        let set = [
            ("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "50000\n"),
            ("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"),
        ];
        assert_eq!(quota_of(groups, V1, &set), Some(1));
        let unset = [("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n"), set[1]];
        assert_eq!(quota_of(groups, V1, &unset), None);
    }

    #[test]
    fn both_versions_mounted() {
        let mounts = format!("{V1}{}", V2.replace("/sys/fs/cgroup", "/sys/fs/cgroup/unified"));
        let groups = "4:cpu,cpuacct:/\n0::/\n";
        let files = [
            ("/sys/fs/cgroup/unified/cpu.max", "400000 100000"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "700000"),
            ("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000"),
        ];
        assert_eq!(quota_of(groups, &mounts, &files), Some(4));
    }

    #[test]
    fn a_container_sees_its_group_as_the_root_of_the_mount() {
        let mounts = "1 2 0:26 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let files = [("/sys/fs/cgroup/cpu.max", "200000 100000")];
        assert_eq!(quota_of("0::/docker/ab\n", mounts, &files), Some(2));
        assert_eq!(quota_of("0::/../other\n", V2, &files), Some(2));
    }

    #[test]
    fn tiny_and_broken_values() {
        assert_eq!(parse_cpu_max("1000 100000"), Some(1));
        assert_eq!(parse_cpu_max("200000"), Some(2));
        assert_eq!(parse_cpu_max(""), None);
        assert_eq!(parse_cpu_max("5 0"), None);
        assert_eq!(parse_cpu_max("x y"), None);
    }

    #[test]
    fn mount_points_are_unescaped() {
        let line = r"1 2 0:26 / /mnt/a\040b rw - cgroup2 none rw";
        assert_eq!(Mount::parse(line).unwrap().point, Path::new("/mnt/a b"));
        assert_eq!(unescape(r"a\\"), r"a\\");
    }
}
