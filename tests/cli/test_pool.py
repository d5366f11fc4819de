# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip pool` from the outside: a pool from formulas in, tables and summary out."""

import csv
import gzip
import json
import math
import os
import shutil
import signal
import subprocess
import time

import pytest

ALMLIP = os.environ.get("ALMLIP_EXECUTABLE") or shutil.which("almlip")
pytestmark = pytest.mark.skipif(ALMLIP is None, reason="no almlip in PATH or ALMLIP_EXECUTABLE")

METALS = [
    "Ti",
    "Fe",
    "Ni",
    "Cu",
    "Zn",
    "Mn",
    "Co",
    "V",
    "Cr",
    "Al",
    "Mg",
    "Ca",
    "Sc",
    "Ga",
    "Li",
    "Na",
]
QUICK = {
    "descriptor": "composition17",
    "systems": ["O", "Ti-O"],
    "initial": 8,
    "rounds": 2,
    "batch": 4,
    "clusters": 4,
    "members": 2,
    "hidden": 8,
    "steps": 20,
    "seeds": 2,
    "bootstrap": 50,
    "strategies": ["random", "hybrid", "alc"],
}


def make_rows():
    """Oxides of two metals with a formation energy that is a smooth function of the composition."""
    rows = []
    for m, first in enumerate(METALS):
        for n, second in enumerate(METALS[:6]):
            for k in (1, 2, 3):
                if first == second:
                    continue
                energy = -2.5 * k / (k + 2) + 0.2 * math.sin(m) + 0.1 * math.cos(2 * n)
                rows.append(
                    {
                        "id": f"{first}-{second}-{k}",
                        "formula": f"{first}2{second}O{k}",
                        "formation_energy_per_atom": energy,
                        "band_gap": 0.1 * k,
                    }
                )
    return rows


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    path = tmp_path_factory.mktemp("pool") / "pool.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in make_rows()).encode()))
    return path


def write_study(folder, pool, **changes):
    path = folder / "study.json"
    path.write_text(json.dumps({"sources": [str(pool)], **QUICK, **changes}))
    return path


def almlip(*arguments, launcher=(), environment=None):
    return subprocess.run(
        [*launcher, ALMLIP, "pool", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )


def run(study, output, *arguments, launcher=()):
    done = almlip(study, "--output", output, *arguments, launcher=launcher)
    assert done.returncode == 0, done.stderr
    return done


def table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def without_times(path):
    return [
        {key: value for key, value in row.items() if not key.endswith("_seconds")}
        for row in table(path)
    ]


def test_tables_and_summary_are_complete(pool, tmp_path):
    run(write_study(tmp_path, pool), tmp_path / "out")
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert set(summary) == {"O", "Ti-O", "all"}
    for system in summary.values():
        assert set(system) == {"random", "hybrid", "alc"}
        for result in system.values():
            assert result["seeds"] == 2
            assert (
                result["interval"][0] <= result["saving_percent"] <= result["interval"][1]
                or result["seeds"] < 3
            )
            assert result["final_mae"] > 0
    assert summary["O"]["random"]["saving_percent"] == 0
    curves = table(tmp_path / "out" / "curves.csv")
    assert {row["labels"] for row in curves} == {"8", "12", "16"}
    picks = table(tmp_path / "out" / "picks.csv")
    assert len(picks) == 2 * 3 * 2 * 16  # systems, series, seeds, labels
    for name in (
        "runs.csv",
        "summary.csv",
        "calibration.csv",
        "map.csv",
        "summary.md",
        "summary.html",
    ):
        assert (tmp_path / "out" / name).stat().st_size > 100
    assert "| alc |" in (tmp_path / "out" / "summary.md").read_text()


def test_means_of_the_curves_are_those_of_the_runs(pool, tmp_path):
    run(write_study(tmp_path, pool), tmp_path / "out")
    runs = [
        float(row["mae"])
        for row in table(tmp_path / "out" / "runs.csv")
        if (row["system"], row["series"], row["labels"], row["metric"])
        == ("O", "alc", "16", "large")
    ]
    curve = [
        float(row["mae"])
        for row in table(tmp_path / "out" / "curves.csv")
        if (row["system"], row["series"], row["labels"], row["metric"])
        == ("O", "alc", "16", "large")
    ]
    assert len(runs) == 2 and curve == [pytest.approx(sum(runs) / 2, rel=1e-5)]


def test_results_repeat_exactly(pool, tmp_path):
    study = write_study(tmp_path, pool)
    run(study, tmp_path / "a")
    run(study, tmp_path / "b")
    assert (tmp_path / "a" / "runs.csv").read_bytes() == (tmp_path / "b" / "runs.csv").read_bytes()
    assert (tmp_path / "a" / "picks.csv").read_bytes() == (
        tmp_path / "b" / "picks.csv"
    ).read_bytes()


def test_progress_is_on_stderr_with_the_time_that_is_left(pool, tmp_path):
    done = run(write_study(tmp_path, pool), tmp_path / "out")
    assert "run 12/12  took" in done.stderr and " left" in done.stderr and "\r" not in done.stderr
    assert "270 of 270 entries are used; left out: none" in done.stderr
    assert "run " not in done.stdout and "alc" in done.stdout


def test_killed_study_continues_without_repeating_runs(pool, tmp_path):
    study = write_study(tmp_path, pool, seeds=6, steps=200, hidden=64)
    run(study, tmp_path / "whole")
    process = subprocess.Popen(
        [ALMLIP, "pool", study, "--output", tmp_path / "broken"], stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("run ") and not line.startswith("run 1/"):
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "broken" / "summary.json").exists()
    finished = {
        path: path.stat().st_mtime_ns for path in (tmp_path / "broken").rglob("seed-*.json")
    }
    assert finished

    done = run(study, tmp_path / "broken")
    assert f"{len(finished)} of 36 runs were finished before" in done.stderr
    assert all(path.stat().st_mtime_ns == time_before for path, time_before in finished.items())
    assert (tmp_path / "broken" / "runs.csv").read_bytes() == (
        tmp_path / "whole" / "runs.csv"
    ).read_bytes()


def test_other_settings_are_run_anew(pool, tmp_path):
    run(write_study(tmp_path, pool), tmp_path / "out")
    done = run(write_study(tmp_path, pool, steps=21), tmp_path / "out")
    assert "finished before" not in done.stderr
    done = run(write_study(tmp_path, pool, steps=21, seeds=3), tmp_path / "out")
    assert "12 of 18 runs were finished before" in done.stderr


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun")
def test_ranks_share_the_seeds(pool, tmp_path):
    study = write_study(tmp_path, pool)
    run(study, tmp_path / "one")
    run(study, tmp_path / "three", launcher=["mpirun", "-n", "3"])
    assert (tmp_path / "one" / "runs.csv").read_bytes() == (
        tmp_path / "three" / "runs.csv"
    ).read_bytes()
    assert without_times(tmp_path / "one" / "summary.csv") == without_times(
        tmp_path / "three" / "summary.csv"
    )


@pytest.mark.skipif(shutil.which("mpirun") is None, reason="no mpirun")
def test_only_one_rank_reports_an_error(pool, tmp_path):
    done = almlip(write_study(tmp_path, pool, initial=5000), launcher=["mpirun", "-n", "2"])
    assert done.returncode == 1
    assert done.stderr.count("almlip:") == 1


def test_csv_and_json_lines_give_the_same(pool, tmp_path):
    path = tmp_path / "pool.csv"
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["id", "formula", "formation_energy_per_atom", "band_gap"])
        writer.writeheader()
        writer.writerows(make_rows())
    run(write_study(tmp_path, pool), tmp_path / "a")
    run(write_study(tmp_path, path), tmp_path / "b")
    assert (tmp_path / "a" / "runs.csv").read_bytes() == (tmp_path / "b" / "runs.csv").read_bytes()


def test_target_database_is_a_metric_and_a_reference_set(pool, tmp_path):
    other = tmp_path / "other.jsonl"
    other.write_text(
        "".join(
            json.dumps(
                {
                    **row,
                    "formula": row["formula"].replace("O", "O2S"),
                    "formation_energy_per_atom": -1.0,
                }
            )
            + "\n"
            for row in make_rows()
        )
    )
    study = write_study(
        tmp_path,
        pool,
        targets=[{"name": "sulfates", "file": str(other)}],
        metrics=["sulfates", "large"],
        strategies=["random", "alc", {"strategy": "alc", "reference": "sulfates", "name": "aimed"}],
    )
    run(study, tmp_path / "out")
    picks = table(tmp_path / "out" / "picks.csv")
    chosen = {
        name: [row["id"] for row in picks if row["series"] == name and row["round"] != "0"]
        for name in ("alc", "aimed")
    }
    assert chosen["alc"] != chosen["aimed"]
    assert {row["metric"] for row in table(tmp_path / "out" / "curves.csv")} == {
        "test",
        "large",
        "sulfates",
        "sulfates shifted",
    }


def test_flags_win_over_the_settings_file(pool, tmp_path):
    run(write_study(tmp_path, pool), tmp_path / "out", "--seeds", 1, "--first-seed", 40)
    assert {row["seed"] for row in table(tmp_path / "out" / "runs.csv")} == {"40"}


BAD_STUDIES = {
    "fewer entries than the initial set": (
        {"initial": 400},
        ["system O", "the pool has 216 entries", "400 at the beginning"],
    ),
    "small system": ({"systems": ["Ti-Sc"], "initial": 20}, ["system Ti-Sc", "entries"]),
    "system without entries": ({"systems": ["U"]}, ["system U", "there are 0 entries"]),
    "not an element": ({"systems": ["Ti-Ox"]}, ['"Ox" is not a chemical symbol']),
    "file missing": ({"sources": ["/nonexistent/pool.jsonl"]}, ["/nonexistent/pool.jsonl"]),
    "structures missing": (
        {"descriptor": "leakfree17"},
        ["pool.jsonl.gz", "no entry passes the filters", "270 without a structure"],
    ),
    "unknown setting": ({"sead": 1}, ['there is no setting "sead"', "first_seed"]),
    "unknown strategy": ({"strategies": ["random", "magic"]}, ["magic", "lcmd"]),
    "alpha": ({"alpha": 2}, ['"alpha" is 2', "from 0 to 1"]),
    "unknown metric": ({"metrics": ["OQMD"]}, ['there is no metric "OQMD"']),
    "everything filtered": (
        {"filter": {"max_atoms": 2}},
        ["no entry passes the filters", "270 with more than 2 atoms"],
    ),
}


@pytest.mark.parametrize("changes, words", BAD_STUDIES.values(), ids=BAD_STUDIES.keys())
def test_bad_study_gives_one_clear_line(pool, tmp_path, changes, words):
    started = time.monotonic()
    done = almlip(write_study(tmp_path, pool, **changes), "--output", tmp_path / "out")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("almlip: "), done.stderr
    for word in words:
        assert word in lines[0]
    assert time.monotonic() - started < 5  # seconds: nothing was run


BAD_POOLS = {
    "empty": (b"", ["there is no usable entry"]),
    "no field": (
        b'{"formula": "TiO2", "band_gap": 1}\n',
        ["no usable entry", "1 without formation_energy_per_atom"],
    ),
    "NaN": (
        b'{"formula": "TiO2", "band_gap": 1, "formation_energy_per_atom": NaN}\n',
        ["1 without formation_energy_per_atom"],
    ),
    "unknown element": (
        b'{"species": ["Xx", "O"], "band_gap": 1, "formation_energy_per_atom": 1}\n',
        ["1 with an unknown element"],
    ),
    "not JSON": (b"formula band_gap\n", ["line 1", "not a JSON object"]),
    "cut off": (gzip.compress(b'{"formula": "TiO2"}\n' * 50)[:30], ["gzip", "incomplete"]),
}


@pytest.mark.parametrize("content, words", BAD_POOLS.values(), ids=BAD_POOLS.keys())
def test_bad_pool_gives_one_clear_line(tmp_path, content, words):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    done = almlip(write_study(tmp_path, path), "--output", tmp_path / "out")
    assert done.returncode == 1
    assert (
        len(done.stderr.splitlines()) == 1
        and done.stderr.startswith("almlip: ")
        and "bad.jsonl" in done.stderr
    )
    for word in words:
        assert word in done.stderr


def test_missing_environment_variable_is_named(pool, tmp_path):
    study = write_study(tmp_path, "${ALMLIP_DATA}/pool.jsonl")
    environment = {key: value for key, value in os.environ.items() if key != "ALMLIP_DATA"}
    done = almlip(study, environment=environment)
    assert (
        done.returncode == 1 and "environment variable ALMLIP_DATA, which is not set" in done.stderr
    )


def test_responses_become_a_pool(tmp_path):
    response = {
        "data": [
            {
                "material_id": "mp-1",
                "formation_energy_per_atom": -2.2,
                "band_gap": 5.1,
                "energy_above_hull": 0.0,
                "structure": {
                    "lattice": {"matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]},
                    "sites": [
                        {"species": [{"element": "Cs", "occu": 1}], "abc": [0, 0, 0]},
                        {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
                    ],
                },
            },
            {
                "material_id": "mp-2",
                "formula_pretty": "FeO",
                "formation_energy_per_atom": None,
                "band_gap": 0,
            },
        ]
    }
    oqmd = {
        "data": [
            {
                "name": "NaCl",
                "entry_id": 5,
                "delta_e": -2.0,
                "stability": 0.0,
                "band_gap": 5.0,
                "unit_cell": [[0, 2.8, 2.8], [2.8, 0, 2.8], [2.8, 2.8, 0]],
                "sites": ["Na @ 0 0 0", "Cl @ 0.5 0.5 0.5"],
            }
        ]
    }
    (tmp_path / "mp.json").write_text(json.dumps(response))
    (tmp_path / "oqmd.json").write_text(json.dumps(oqmd))
    done = almlip(
        "convert", tmp_path / "mp.json", tmp_path / "oqmd.json", "--output", tmp_path / "pool.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert (
        "2 entries written" in done.stdout and "1 without formation_energy_per_atom" in done.stdout
    )
    rows = [json.loads(line) for line in (tmp_path / "pool.jsonl").read_text().splitlines()]
    assert [row["formula"] for row in rows] == ["ClCs", "ClNa"]
    assert rows[1]["frac_coords"] == [[0, 0, 0], [0.5, 0.5, 0.5]]


def test_wrong_usage_is_status_two():
    assert almlip("--no-such-flag").returncode == 2
