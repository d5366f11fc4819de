# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames of the reference sets in ALMLIP_DATA, as texts of extended XYZ."""

import gzip
import os
import pathlib
import re
import sys

MLEARN = ["Si", "Mo", "Li", "Ni", "Cu"]


def folder():
    if not os.environ.get("ALMLIP_DATA"):
        sys.exit(
            "ALMLIP_DATA must name the folder of the reference sets; `. scripts/env.sh` sets it"
        )
    return pathlib.Path(os.environ["ALMLIP_DATA"])


def read_frames(path):
    """List of frames, each with its two header lines."""
    opened = gzip.open if str(path).endswith(".gz") else open
    with opened(path, "rt") as file:
        lines = file.read().splitlines(keepends=True)
    frames, at = [], 0
    while at < len(lines):
        end = at + 2 + int(lines[at])
        frames.append("".join(lines[at:end]))
        at = end
    return frames


def config_type(frame):
    found = re.search(r'config_type="?([^\s"]+)', frame.split("\n", 2)[1])
    return found.group(1) if found else ""


def files(name):
    """Training and test files of a set, as published (InP: a split that keeps equivalent cells on one side)."""
    root = folder()
    if name in MLEARN:
        return [root / "mlearn_zuo2020" / f"{name}_train.extxyz.gz"], [
            root / "mlearn_zuo2020" / f"{name}_test.extxyz.gz"
        ]
    return {
        "TiO2": (
            [root / "tio2_artrith2016/TiO2_train.extxyz.gz"],
            [root / "tio2_artrith2016/TiO2_test.extxyz.gz"],
        ),
        "InP": (
            [root / "inp_cusentino2020/InP_train.extxyz.gz"],
            [root / "inp_cusentino2020/InP_test.extxyz.gz"],
        ),
        "MoNbTaW": (
            [root / "monbtaw_li2020/MoNbTaW_train.extxyz.gz"],
            [
                root / "monbtaw_li2020/MoNbTaW_test_unary_binary.extxyz.gz",
                root / "monbtaw_li2020/MoNbTaW_test_multinary.extxyz.gz",
            ],
        ),
        "acac 300 K": (
            [root / "acac_batatia2022/acac_train_300K.extxyz.gz"],
            [root / "acac_batatia2022/acac_test_MD_300K.extxyz.gz"],
        ),
    }[name]


def train_frames(name):
    return [frame for path in files(name)[0] for frame in read_frames(path)]
