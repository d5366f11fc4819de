# SPDX-License-Identifier: GPL-2.0-or-later
"""Exclusive rights: one holder, the dead are followed, a process id proves nothing."""

import json
import signal
import subprocess
import sys
import time

import pytest

from almlip.campaign.claim import Claim, Claimed, read_holder

HOLD = """
import sys, time
from almlip.campaign.claim import Claim
Claim(sys.argv[1], beat=0.1).acquire()
print("held", flush=True)
time.sleep(60)
"""


def start_holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def write_foreign(path, **changes):
    """A claim of another host, as it would be seen here."""
    holder = {"token": "a", "machine": "other", "host": "n7", "pid": 1, "locks": True, "number": 0}
    path.write_text(json.dumps({**holder, **changes}))


def test_second_one_is_told_who_has_it(tmp_path):
    holder = start_holder(tmp_path / "c")
    with pytest.raises(Claimed, match=f"process {holder.pid} on "):
        Claim(tmp_path / "c").acquire()
    holder.kill()


def test_claim_of_a_killed_process_is_free_at_once(tmp_path):
    holder = start_holder(tmp_path / "c")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    start = time.monotonic()
    with Claim(tmp_path / "c").acquire():
        assert time.monotonic() - start < 2
    assert list(tmp_path.iterdir()) == []


def test_living_process_id_of_another_host_does_not_keep_it(tmp_path):
    write_foreign(tmp_path / "c")  # process 1 lives here, too
    with Claim(tmp_path / "c", beat=0.05, patience=0.3).acquire() as claim:
        assert claim.held()


def test_sign_of_life_from_another_host_keeps_it(tmp_path):
    write_foreign(tmp_path / "c")
    code = (
        "import sys, time, json\np = sys.argv[1]\nh = json.load(open(p))\n"
        "for n in range(40):\n    h['number'] = n\n    open(p, 'r+').write(json.dumps(h))\n    time.sleep(0.1)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "c")])
    with pytest.raises(Claimed, match="process 1 on n7"):
        Claim(tmp_path / "c", beat=0.1, patience=5).acquire()
    other.kill()


def test_waiting_ends_when_it_is_given_back(tmp_path):
    holder = start_holder(tmp_path / "c")
    stopper = subprocess.Popen(["sh", "-c", f"sleep 0.5; kill {holder.pid}"])
    with Claim(tmp_path / "c", beat=0.1).acquire(wait=True):
        assert holder.wait() == -signal.SIGTERM
    stopper.wait()


def test_one_that_was_taken_over_knows(tmp_path):
    claim = Claim(tmp_path / "c").acquire()
    (tmp_path / "c").unlink()
    other = Claim(tmp_path / "c").acquire()
    assert not claim.held()
    claim.release()
    assert read_holder(tmp_path / "c")["token"] == other.token
    other.release()


def test_of_many_that_start_at_once_each_has_it_alone(tmp_path):
    code = """
import os, sys
from almlip.campaign.claim import Claim
for _ in range(20):
    with Claim(sys.argv[1] + "/c", beat=0.01).acquire(wait=True):
        os.close(os.open(sys.argv[1] + "/inside", os.O_CREAT | os.O_EXCL))
        os.unlink(sys.argv[1] + "/inside")
"""
    many = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)]
    assert [each.wait() for each in many] == [0] * 4
