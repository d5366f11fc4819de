# SPDX-License-Identifier: GPL-2.0-or-later
"""Several runs in one folder, and configurations that are known from files."""

import fcntl
import gzip
import json
import os
import re
import subprocess
import time

import pytest

from al_query_batches import HOT, PICK_ALL, batch, manifest
from conftest import TIMEOUT, run_partitions

ase_io = pytest.importorskip("ase.io")


def test_partitions_in_one_folder_lose_nothing(tmp_path, query_script):
    script = query_script(
        "run 40", fix=f"10 {PICK_ALL} spacing 10 batch 2 trigger 2 clusters 2", setup=HOT
    ).replace(
        "velocity all create 2000 4928459",
        "variable seed world 11 22 33 44\nvelocity all create 2000 ${seed}",
    )
    run_partitions(tmp_path, script, 4)

    announced = []
    for log in tmp_path.glob("log.lammps.*"):
        announced += re.findall(r"candidates written to (\S+)", log.read_text())
    written = sorted(tmp_path.glob("al_batch.*.extxyz"))
    assert sorted(announced) == [path.name for path in written]
    assert 9 <= len(written) <= 4 * 3  # whoever is later does not take the common start again
    for path in written:
        frames = ase_io.read(path, index=":")
        entries = json.loads(path.with_suffix(".json").read_text())["frames"]
        assert [f.info["max_sigma"] for f in frames] == pytest.approx(
            [e["max_sigma"] for e in entries], rel=1e-9
        )


def test_known_files_and_folders_are_not_chosen(lmp_run, query_script):
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT))
    known = first.folder / "al_batch.0001.extxyz"
    for what in (known, first.folder):
        again = lmp_run(query_script("run 50", fix=f"{fix} known {what} seed 2", setup=HOT))
        assert [f["step"] for f in manifest(again)["frames"]] == [50]
        assert "fix al_query: 5 known frames read from files, 5 of them new\n" in again.log
    assert "known frames read" not in first.log


@pytest.mark.parametrize("left", ["none", "empty", "half", "no potential", "number"])
@pytest.mark.parametrize("packed", [False, True])
def test_frames_of_a_batch_without_manifest_come_only_once(lmp_run, query_script, left, packed):
    """As `kill -9` between the two files, or a full disk, leaves it."""
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT))
    told, frames = first.folder / "al_batch.0001.json", first.folder / "al_batch.0001.extxyz"
    whole = told.read_text()
    texts = {
        "empty": "",
        "half": whole[: len(whole) // 2],
        "no potential": "{}",
        "number": '{"potential": 17}',
    }
    told.unlink()
    if left in texts:
        told.write_text(texts[left])
    if packed:
        subprocess.run(["gzip", frames], check=True)
    prefix = first.folder / "al_batch"
    again = lmp_run(query_script("run 50", fix=f"{fix} file {prefix}", setup=HOT))

    assert [f["step"] for f in manifest(first, 2)["frames"]] == [50]
    assert (
        again.log.count(f"{frames.name}{'.gz' * packed} has no whole manifest: its run was ") == 1
    )


def test_batches_that_were_packed_are_known(lmp_run, query_script):
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT))
    subprocess.run(["gzip", first.folder / "al_batch.0001.extxyz"], check=True)
    again = lmp_run(
        query_script("run 50", fix=f"{fix} file {first.folder / 'al_batch'}", setup=HOT)
    )

    assert [f["step"] for f in manifest(first, 2)["frames"]] == [50]
    assert "manifest" not in again.log


def test_replicas_that_share_a_folder_choose_different_frames(lmp_run, query_script):
    """Two fixes of one run look at the same configurations, as two replicas with one start do."""
    other = f"fix q2 all al_query 10 {PICK_ALL} spacing 10 batch 3"
    run = lmp_run(
        query_script(f"{other}\nrun 20", fix=f"10 {PICK_ALL} spacing 10 batch 2", setup=HOT)
    )

    chosen = [f["step"] for k in (1, 2) for f in manifest(run, k)["frames"]]
    assert sorted(chosen) == [0, 10, 20]


def test_replicas_that_choose_at_the_same_moment_share_no_frame(tmp_path, query_script):
    """Equal ones: what four of them choose from are the same five frames."""
    run_partitions(
        tmp_path, query_script("run 40", fix=f"10 {PICK_ALL} spacing 10 batch 2", setup=HOT), 4
    )

    manifests = [json.loads(path.read_text()) for path in tmp_path.glob("al_batch.*.json")]
    assert sorted(f["step"] for m in manifests for f in m["frames"]) == [0, 10, 20, 30, 40]


def test_a_run_waits_for_another_that_chooses(tmp_path, query_script):
    script = query_script("run 0", fix=f"10 {PICK_ALL}", setup=HOT)
    (tmp_path / "in.lmp").write_text(f"plugin load {os.environ['ALMLIP_PLUGIN']}\n{script}")
    with open(tmp_path / "al_batch.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run = subprocess.Popen(["lmp", "-in", "in.lmp"], cwd=tmp_path, stdout=subprocess.DEVNULL)
        waiting = "fix al_query: waiting for another run of the same prefix that chooses\n"
        deadline = time.monotonic() + TIMEOUT
        log = tmp_path / "log.lammps"
        while not log.exists() or waiting not in log.read_text():
            assert run.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        assert not list(tmp_path.glob("al_batch.*.extxyz"))
    assert run.wait(TIMEOUT) == 0
    assert len(list(tmp_path.glob("al_batch.*.extxyz"))) == 1


def test_a_lock_that_cannot_be_had_is_told(lmp_run, query_script):
    run = lmp_run(
        query_script("shell mkdir mine.lock\nrun 20", fix=f"10 {PICK_ALL} file mine", setup=HOT)
    )

    assert (
        "mine.lock: cannot be opened: Is a directory; another run of the same prefix may" in run.log
    )
    assert batch(run, prefix="mine")


@pytest.mark.parametrize("other", ["a", "al_batch_of_a_longer_name"])
def test_batches_of_other_names_in_the_folder_do_not_matter(lmp_run, query_script, other):
    """Runs of one folder with prefixes of any length, the shorter one as well as the longer one."""
    commands = f"run 20\nunfix q\nfix q all al_query 10 {PICK_ALL} file {other}\nrun 20"
    run = lmp_run(query_script(commands, fix=f"10 {PICK_ALL}", setup=HOT))

    assert batch(run) and batch(run, prefix=other)


def test_known_that_is_not_there_is_an_error(lmp_run, query_script):
    run = lmp_run(query_script("run 0", fix="10 known nowhere.extxyz"), check=False)

    assert (
        run.error == "fix al_query: known is 'nowhere.extxyz', but there is no such file or folder"
    )


def test_known_files_may_grow_or_be_torn_or_vanish(lmp_run, query_script):
    """A program that labels frames writes to them while the run goes on."""
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT)).folder / "al_batch.0001.extxyz"
    frames = ase_io.read(first, index=":")
    frames.sort(key=lambda atoms: atoms.info["step"])
    lines = first.read_text().splitlines(keepends=True)
    (first.parent / "torn.extxyz").write_text("".join(lines[:30]))
    ase_io.write(first.parent / "two.extxyz", frames[:2])
    ase_io.write(first.parent / "four.extxyz", frames[:4])
    commands = f"""shell cp {first.parent}/two.extxyz labels/a.extxyz
shell cp {first.parent}/torn.extxyz labels/b.extxyz
run 10
shell cp {first.parent}/four.extxyz labels/a.extxyz
run 20
shell mv labels elsewhere
run 20"""
    run = lmp_run(
        query_script(
            commands,
            fix=f"{fix} known labels",
            setup=f"shell mkdir labels\nshell cp {first.parent}/two.extxyz labels\n{HOT}",
        )
    )

    chosen = [
        f["step"]
        for path in sorted(run.folder.glob("al_batch.*.json"))
        for f in json.loads(path.read_text())["frames"]
    ]
    assert sorted(chosen) == [40, 50]  # 0 and 10 were known at first, 20 and 30 later
    assert run.log.count("labels/b.extxyz, frame 1") == 1
    assert "known is 'labels', which is not there any more" in run.log


def test_packed_files_of_a_known_folder(lmp_run, query_script, tmp_path):
    fix = f"10 {PICK_ALL} spacing 10 batch 9"
    first = lmp_run(query_script("run 40", fix=fix, setup=HOT)).folder / "al_batch.0001.extxyz"
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.extxyz.gz").write_bytes(gzip.compress(first.read_bytes()))
    again = lmp_run(query_script("run 50", fix=f"{fix} known {tmp_path}/labels", setup=HOT))

    assert [f["step"] for f in manifest(again)["frames"]] == [50]
