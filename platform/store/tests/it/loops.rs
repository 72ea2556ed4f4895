//! Disks of a test's own: ext4 on a loop device, whose image can be copied as a power cut would leave it, and which can
//! be filled up. Needs root and loop devices; a machine that lacks them is told so and the test is skipped.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::load::say;

const MEGABYTE: usize = 1_024 * 1_024;

/// Mounts, says so, and unmounts when nobody holds the other end of its input any more, however the test ended.
const MOUNTER: &str = r#"dir="$1"
mount -o loop "$dir/image" "$dir/disk" && echo mounted || exit
cat >/dev/null
umount -l "$dir/disk"; rm -rf --one-file-system "$dir""#;

/// A mounted disk, gone when dropped.
pub(crate) struct Disk {
    dir: PathBuf,
    mounter: Child,
}

impl Disk {
    /// A new one; `None`, with the reason printed, where the machine cannot make one.
    pub(crate) fn new(megabytes: usize) -> Option<Self> {
        let (dir, image) = room();
        std::fs::File::create(&image).unwrap().set_len(u64::try_from(megabytes * MEGABYTE).unwrap()).unwrap();
        let made = Command::new("mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(&image).stderr(Stdio::piped()).output();
        let why = match made {
            Ok(made) if made.status.success() => match Self::mount(dir.clone()) {
                Ok(disk) => return Some(disk),
                Err(why) => why,
            },
            Ok(made) => String::from_utf8_lossy(&made.stderr).into_owned(),
            Err(error) => format!("mkfs.ext4: {error}"),
        };
        std::fs::remove_dir_all(dir).unwrap();
        say(&format!("skipped: no disk on a loop device can be made here, it needs root: {}", why.trim()));
        None
    }

    /// A disk that holds what another held when it was copied.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (dir, image) = room();
        std::fs::write(image, bytes).unwrap();
        Self::mount(dir).unwrap()
    }

    fn mount(dir: PathBuf) -> Result<Self, String> {
        let mut mounter = Command::new("sh")
            .args(["-c", MOUNTER, "sh"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        BufReader::new(mounter.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.trim() == "mounted" {
            return Ok(Self { dir, mounter });
        }
        let ended = mounter.wait_with_output().unwrap();
        Err(String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    /// Where its files lie.
    pub(crate) fn path(&self) -> PathBuf {
        let path = self.dir.join("disk/data");
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// Its image at one instant. Two readings that agree were not written to between the one and the other, so both are
    /// the image as it was between them. Whoever writes must stand still.
    pub(crate) fn copied(&self) -> Vec<u8> {
        let read = || std::fs::read(self.dir.join("image")).unwrap();
        let mut last = read();
        loop {
            let next = read();
            if next == last {
                return next;
            }
            last = next;
        }
    }

    /// Fills it up except for so many kilobytes; what fills it goes when the answer is removed.
    pub(crate) fn filled_but(&self, kilobytes: usize) -> Ballast {
        let file = self.dir.join("disk/ballast");
        let output = Command::new("df").args(["--output=avail", "-k"]).arg(self.path()).output().unwrap();
        let free = String::from_utf8(output.stdout).unwrap();
        let free: usize = free.lines().nth(1).unwrap().trim().parse().unwrap();
        std::fs::write(&file, vec![1; free.saturating_sub(kilobytes) * 1_024]).unwrap();
        std::fs::File::open(&file).unwrap().sync_all().unwrap();
        Ballast(file)
    }
}

/// What fills a disk up.
pub(crate) struct Ballast(PathBuf);

impl Ballast {
    pub(crate) fn remove(self) {
        std::fs::remove_file(self.0).unwrap();
    }
}

fn room() -> (PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap().keep();
    std::fs::create_dir(dir.join("disk")).unwrap();
    let image = dir.join("image");
    (dir, image)
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.mounter.stdin.take());
        let _ended = self.mounter.wait();
    }
}
