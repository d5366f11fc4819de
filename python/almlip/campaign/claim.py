# SPDX-License-Identifier: GPL-2.0-or-later
"""Exclusive rights to a piece of work, among all processes of all hosts that share a folder."""

import fcntl
import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

BEAT = 5.0  # seconds between two signs of life
PATIENCE = 6 * BEAT  # without a sign of life for so long, a holder on another host is dead


class Claimed(Exception):
    """Somebody else has it; `holder` is what the claim file says of them."""

    def __init__(self, holder):
        super().__init__(f"process {holder.get('pid')} on {holder.get('host')}")
        self.holder = holder


class Claim:
    """A file that exists while its maker lives, with a number in it that moves.

    It appears complete and locked, by exclusive creation. Whether its maker is dead is decided by the
    kernel's lock if it runs under the same kernel, else by watching the number. A process id alone
    proves nothing: it may be that of another host.
    """

    def __init__(self, path, beat=BEAT, patience=PATIENCE):
        self.path = Path(path)
        self.token = uuid.uuid4().hex
        self.beat = beat
        self.patience = patience
        self.file = None
        self.stopped = threading.Event()

    def acquire(self, wait=False):
        """Takes the claim, that of a dead holder too. Raises Claimed, or waits until it is free."""
        while not self.create():
            holder = read_holder(self.path)
            if holder is None:
                continue  # it has just been given back
            if self.lives(holder):
                if not wait:
                    raise Claimed(holder)
                time.sleep(min(1.0, self.beat))
            else:
                self.remove_dead(holder)
        self.thread = threading.Thread(target=self.keep_beating, daemon=True)
        self.thread.start()
        return self

    def create(self):
        """True if the file was made by this call."""
        draft = self.path.with_name(f"{self.path.name}.{self.token}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
        self.started, self.number, self.locks = time.time(), 0, try_lock(file)
        os.pwrite(file, self.content(), 0)
        try:
            os.link(draft, self.path)
        except FileExistsError:
            os.close(file)
            return False
        finally:
            os.unlink(draft)
        self.file = file
        return True

    def content(self):
        holder = {
            "token": self.token,
            "host": socket.gethostname(),
            "machine": machine(),
            "pid": os.getpid(),
            "job": os.environ.get("SLURM_JOB_ID"),
            "since": self.started,
            "locks": self.locks,
            "number": self.number,
        }
        return json.dumps(holder).ljust(400).encode() + b"\n"

    def keep_beating(self):
        while not self.stopped.wait(self.beat):
            self.number += 1
            os.pwrite(self.file, self.content(), 0)

    def lives(self, holder):
        """Whether the holder is at work."""
        if holder["machine"] == machine() and holder["locks"]:
            return is_locked(self.path)
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            time.sleep(min(1.0, self.beat))
            if read_holder(self.path) != holder:
                return True
        return False

    def remove_dead(self, holder):
        """Takes the file of a dead holder away; of several that try, one succeeds."""
        dead = self.path.with_name(f"{self.path.name}.{self.token}.dead")
        try:
            os.rename(self.path, dead)
        except FileNotFoundError:
            return
        taken = read_holder(dead)
        if taken and taken["token"] != holder["token"]:  # somebody new came in between
            try:
                os.link(dead, self.path)
            except FileExistsError:
                pass
        os.unlink(dead)

    def held(self):
        """Whether it is still ours: a process that was suspended may have been taken for dead."""
        holder = read_holder(self.path)
        return holder is not None and holder["token"] == self.token

    def release(self):
        self.stopped.set()
        self.thread.join()
        if self.held():
            os.unlink(self.path)
        os.close(self.file)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


def read_holder(path):
    """What a claim file says, or None if there is none."""
    for _ in range(10):
        try:
            return json.loads(Path(path).read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            time.sleep(0.05)  # a sign of life is being written
    return {"token": None, "machine": None, "host": "?", "pid": "?", "locks": False}


def try_lock(file):
    """Locks an open file; False if another process has it, or the file system has no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(path):
    """Whether a process under this kernel holds the file."""
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True  # given back or taken over meanwhile: look again
    free = try_lock(file)
    os.close(file)
    return not free


def machine():
    """A name of the running kernel, which no other host has."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
