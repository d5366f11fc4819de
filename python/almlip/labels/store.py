# SPDX-License-Identifier: GPL-2.0-or-later
"""Finished structures in a folder that machines share, and who computes what.

    KEY/result.json         a finished structure; the folder got its name by one rename
    KEY.ATTEMPT.tmp/        a structure at work
    leases/KEY.NNNN         who works on it: the one with the highest number

A lease is claimed by exclusive creation, never by looking first, and kept alive by heartbeats: its
content changes every BEAT seconds. It is over when it has not changed for STALE seconds of the
observer's own clock, so that clocks of machines need not agree. On the machine of its owner it is
over at once when the owner has ended; there alone a process id means something. Should an owner
that was taken for dead go on, nothing is lost: who renames first has made the label.
"""

import json
import os
import shutil
import socket
import time
import uuid
from pathlib import Path

from ..frames import write_atomically

BEAT = 10.0  # seconds
STALE = 300.0  # seconds; file systems over a network may show changes a minute late


class Store:
    """Finished structures and leases in a folder, as one labelling process sees them."""

    def __init__(self, folder, beat=BEAT, stale=STALE):
        self.folder = Path(folder)
        self.leases = self.folder / "leases"
        self.leases.mkdir(parents=True, exist_ok=True)
        self.beat, self.stale = beat, stale
        self.seen = {}  # lease: (its content, when it was first seen so)
        self.me = whoami()

    def read(self, key):
        """The finished result, or None."""
        try:
            return json.loads((self.folder / key / "result.json").read_text())
        except FileNotFoundError:
            return None

    def claim(self, key, is_done):
        """A lease of the key, or None if it is done or another process works on it.

        is_done   function of a result: must it not be computed again?
        """
        newest = self.newest(key)
        if newest and self.is_alive(newest):
            return None
        number = number_of(newest) + 1 if newest else 1
        if self.done(key, is_done):
            self.remove_older(key, number)
            return None
        lease = Lease(self, key, number)
        if not lease.create():
            return None
        if self.done(key, is_done):  # its owner finished between the two looks
            lease.release()
            return None
        self.remove_older(key, number)
        return lease

    def done(self, key, is_done):
        result = self.read(key)
        return result is not None and is_done(result)

    def leases_of(self, key):
        return sorted(self.leases.glob(f"{key}.*"), key=number_of)

    def newest(self, key):
        return (self.leases_of(key) or [None])[-1]

    def is_alive(self, path):
        """False once the lease is over; a lease that was just removed is over, too."""
        try:
            content = path.read_text()
        except FileNotFoundError:
            return False
        now = time.monotonic()
        if path not in self.seen or self.seen[path][0] != content:
            self.seen[path] = (content, now)
        if owner_has_ended(content, self.me):
            return False
        return now - self.seen[path][1] < self.stale

    def remove_older(self, key, number):
        """Removes what the owners of leases before this one have left."""
        for path in self.leases_of(key):
            if number_of(path) < number:
                attempt = parse(read_text(path)).get("attempt", "none")
                shutil.rmtree(self.folder / f"{key}.{attempt}.tmp", ignore_errors=True)
                path.unlink(missing_ok=True)


class Lease:
    """The right to compute a key. `work` is the folder for it."""

    def __init__(self, store, key, number):
        self.store, self.key = store, key
        self.attempt = uuid.uuid4().hex[:12]
        self.path = store.leases / f"{key}.{number:04d}"
        self.work = store.folder / f"{key}.{self.attempt}.tmp"
        self.beats = 0
        self.last = time.monotonic()

    def create(self):
        """False if another process was first."""
        try:
            with open(self.path, "x", encoding="utf-8") as file:
                file.write(self.content())
        except FileExistsError:
            return False
        self.work.mkdir()
        return True

    def content(self):
        return json.dumps({**self.store.me, "attempt": self.attempt, "beats": self.beats})

    def keep_alive(self):
        """To be called often; changes the lease when it is time to."""
        if time.monotonic() - self.last < self.store.beat or not self.path.exists():
            return
        self.beats += 1
        self.last = time.monotonic()
        write_atomically(self.path, self.content())

    def publish(self, result):
        """Writes the result into `work` and gives that its final name, unless another was first.

        An older result that was to be replaced goes.
        """
        target = self.store.folder / self.key
        replaced = self.store.read(self.key)
        result = {**result, "attempt": self.attempt, "host": self.store.me["host"]}
        self.work.mkdir(exist_ok=True)
        write_atomically(self.work / "result.json", json.dumps(result))
        if replaced and replaced["verdict"] != "ok":
            old = self.store.folder / f"{self.key}.{replaced['attempt']}.tmp"
            os.replace(target, old)
            shutil.rmtree(old, ignore_errors=True)
        try:
            os.rename(self.work, target)
        except OSError:  # a folder with content is there: the result of another
            if not target.is_dir():
                raise
            shutil.rmtree(self.work, ignore_errors=True)
        self.release()

    def release(self):
        """Gives the lease back; what was not published is removed."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.path.unlink(missing_ok=True)


def whoami():
    """What tells this process from all others, and from later ones with its number."""
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "machine": f"{read_text('/proc/sys/kernel/random/boot_id').strip()} "
        f"{os.readlink('/proc/self/ns/pid')}",  # one boot, one list of process ids
        "pid": pid,
        "started": start_time(pid),
    }


def owner_has_ended(content, me):
    """True if the owner of a lease was a process of this machine that runs no longer."""
    owner = parse(content)
    if owner.get("machine") != me["machine"]:
        return False
    return start_time(owner["pid"]) != owner["started"]


def start_time(pid):
    """Clock ticks from boot to the start of a process; None if it does not run."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def number_of(lease):
    return int(lease.name.split(".")[-1])


def parse(content):
    """What a lease says; nothing if its owner ended before it could write."""
    try:
        return json.loads(content)
    except ValueError:
        return {}


def read_text(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""
