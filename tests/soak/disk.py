"""A disk whose power can be cut: ext4 on a loop device, and the ioctl by which ext4 stops at once (EXT4_IOC_SHUTDOWN): what its
journal has not on the device is lost, as are all pages that were not written. Needs root; mounts in a namespace of its own."""
import fcntl
import os
import struct
import subprocess
import sys
import time

SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32)
NOLOGFLUSH = 2
SKIPPED = 77


class Unavailable(Exception):
    pass


def enter_namespace():
    """Starts this program again where its mounts are its own, and end with it."""
    if os.geteuid() != 0:
        raise Unavailable("only root can mount a disk")
    if "SOAK_NAMESPACE" in os.environ:
        return
    probe = subprocess.run(["unshare", "--mount", "--propagation", "private", "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        raise Unavailable(f"no mount namespace is to be had: {probe.stderr.strip()}")
    os.environ["SOAK_NAMESPACE"] = "1"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])


def command(*words):
    r = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise Unavailable(f"{words[0]}: {(r.stderr or r.stdout).strip()}")
    return r.stdout.strip()


class Disk:
    def __init__(self, folder, size_mib=512):
        self.image, self.at = folder / "disk.img", folder / "disk"
        self.at.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(size_mib << 20)
        self.device, self.is_mounted = command("losetup", "--find", "--show", self.image), False
        self.format()

    def format(self):
        self.unmount()
        command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.device)
        self.mount()
        self.at.chmod(0o711)

    def mount(self):
        """After a cut: with what the journal has."""
        command("mount", "-t", "ext4", self.device, self.at)
        self.is_mounted = True

    def cut(self):
        fd = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        except OSError as e:
            raise Unavailable(f"the file system cannot be stopped: {e}") from e
        finally:
            os.close(fd)

    def unmount(self):
        """A role that was killed may take a moment to let go of it."""
        for attempt in range(100):
            if not self.is_mounted:
                return
            try:
                command("umount", self.at)
                self.is_mounted = False
            except Unavailable:
                if attempt == 99:
                    raise
                time.sleep(0.02)

    def check(self):
        """What e2fsck finds, '' when the file system is sound."""
        self.unmount()
        r = subprocess.run(["e2fsck", "-f", "-n", self.device], capture_output=True, text=True, check=False)
        self.mount()
        return "" if r.returncode == 0 else r.stdout

    def close(self):
        self.unmount()
        command("losetup", "--detach", self.device)
