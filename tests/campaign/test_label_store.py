# SPDX-License-Identifier: GPL-2.0-or-later
"""One folder of labels, several machines, and processes that are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from almlip.frames import read_frames, write_frames
from almlip.labels.batch import label_batch
from almlip.labels.labellers import make_labeller
from almlip.labels.store import Store


def anything(result):
    return True


def aluminium(seed):
    atoms = bulk("Al", "fcc", 4.05, cubic=True)
    atoms.rattle(0.05, seed=seed)
    return atoms


class ElsewhereStore(Store):
    """As another machine sees the folder."""

    def __init__(self, folder, **options):
        super().__init__(folder, **options)
        self.me = {**self.me, "host": "node2", "machine": "another boot", "pid": 4194305}


def test_work_of_another_machine_is_left_alone_while_its_heart_beats(tmp_path):
    there = ElsewhereStore(tmp_path, beat=0.05)
    here = Store(tmp_path, stale=0.5)
    lease = there.claim("key", anything)
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        assert here.claim("key", anything) is None
        lease.keep_alive()
        time.sleep(0.02)
    assert lease.work.is_dir()
    lease.publish({"verdict": "ok"})
    assert here.claim("key", anything) is None
    assert here.read("key")["host"] == "node2"
    assert list(here.leases.iterdir()) == []


def test_work_of_another_machine_that_fell_silent_is_taken_over(tmp_path):
    lost = ElsewhereStore(tmp_path).claim("key", anything)
    here = Store(tmp_path, stale=0.3)
    assert here.claim("key", anything) is None
    time.sleep(0.4)
    lease = here.claim("key", anything)
    assert not lost.work.exists()
    lease.publish({"verdict": "ok", "by": "here"})
    lost.publish({"verdict": "ok", "by": "the dead"})  # it was only slow: the first one counts
    assert here.read("key")["by"] == "here"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "leases"]


def test_work_of_a_process_that_ended_on_this_machine_is_taken_over_at_once(tmp_path):
    claim = (
        "import os, sys; from almlip.labels.store import Store;"
        "Store(sys.argv[1]).claim('key', bool); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", claim, str(tmp_path)])
    assert len(list(tmp_path.glob("leases/*"))) == 1
    assert Store(tmp_path).claim("key", anything) is not None


def test_of_many_that_claim_at_once_one_gets_it(tmp_path):
    stores = [Store(tmp_path) for _ in range(8)]
    barrier, leases = threading.Barrier(8), []

    def claim(store):
        for key in range(20):
            barrier.wait()
            if lease := store.claim(str(key), anything):
                leases.append(lease)

    threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(lease.key) for lease in leases) == list(range(20))


@pytest.fixture
def slow_code(tmp_path, make_program):
    """EMT as a program that notes when it has finished, and takes its time."""
    return make_program(
        "slow",
        "import sys, time\nfrom ase.io import read, write\nfrom ase.calculators.emt import EMT\n"
        "atoms = read(sys.argv[1])\natoms.calc = EMT()\natoms.get_forces()\ntime.sleep(0.3)\n"
        f"open({str(tmp_path / 'done')!r}, 'a').write('x')\n"
        "write(sys.argv[2], atoms)\n",
    )


def start(tmp_path, program, number=0):
    (tmp_path / "label.json").write_text(
        json.dumps({"calculator": "command", "command": str(program), "workers": 2})
    )
    output = tmp_path / f"out{number}.extxyz"
    command = [sys.executable, "-m", "almlip.labels", tmp_path / "batch.extxyz", "-o", output]
    command += ["--labeller", tmp_path / "label.json"]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def test_two_labellers_share_the_work(tmp_path, slow_code):
    write_frames(tmp_path / "batch.extxyz", [aluminium(seed) for seed in range(8)])
    both = [start(tmp_path, slow_code, number) for number in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert (tmp_path / "done").read_text() == "x" * 8
    texts = [(tmp_path / f"out{number}.extxyz").read_text() for number in range(2)]
    assert texts[0] == texts[1]


def test_a_program_that_was_killed_once_is_started_again(tmp_path, make_program):
    program = make_program(
        "dies",
        f"mkdir {tmp_path}/first && kill -9 $$\nsed 's/pbc=/energy=1.5 pbc=/; "
        "s/pos:R:3/pos:R:3:forces:R:3/; 3,$s/$/ 0 0 0/' $1 > $2\n",
        "/bin/sh",
    )
    labeller = make_labeller({"calculator": "command", "command": str(program)})
    result = label_batch(labeller, [aluminium(1)], tmp_path / "labels")[0]
    assert (result["verdict"], result.get("energy")) == ("ok", 1.5), result["reason"]


def test_any_kills_leave_the_same_labels(tmp_path, slow_code, processes_below):
    frames = [aluminium(seed) for seed in range(24)]
    write_frames(tmp_path / "batch.extxyz", frames)
    cache, choice, kills = tmp_path / "labels", random.Random(5), 0
    driver = start(tmp_path, slow_code)
    while kills < 24:
        time.sleep(choice.uniform(0.05, 1.2))
        programs = processes_below(cache)
        if driver.poll() is None and (kills % 2 or not programs):
            driver.kill()
        elif programs:
            try:
                os.kill(choice.choice(programs), signal.SIGKILL)
            except ProcessLookupError:
                continue
        kills += 1
        if driver.poll() is not None:
            driver.communicate()
            driver = start(tmp_path, slow_code)
    driver.communicate()
    last = start(tmp_path, slow_code)  # whatever was killed twice is computed now
    last.communicate()

    labelled = read_frames(tmp_path / "out0.extxyz")
    assert len(labelled) == 24
    for atoms, expected in zip(labelled, frames):
        expected.calc = EMT()
        assert atoms.get_potential_energy() == pytest.approx(
            expected.get_potential_energy(), abs=1e-7
        )
        assert np.abs(atoms.get_forces() - expected.get_forces()).max() < 1e-6
    results = list(cache.glob("*/result.json"))
    assert len(results) == 24
    # a program may be killed between its last line and the label, at most once per kill
    assert 24 <= len((tmp_path / "done").read_text()) <= 24 + kills
    assert list(cache.glob("*.tmp")) == []
    assert list(cache.glob("leases/*")) == []
