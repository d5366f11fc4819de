#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers and spills of the device's kernels, from what nvcc says of them (`-Xptxas=-v`).

    cmake --build build/device | python3 benchmarks/registers.py

after cmake with -DALMLIP_DEVICE_REPORT=ON; benchmarks/device.py --kokkos does the same. A shape is CHANNELS/LMAX.
Stages that do not depend on the shape are listed once.
"""

import re
import sys

# mangled: length, name, arguments of a template
NAME = re.compile(r"almlip6device(\d+)([A-Za-z]\w+)")
ARGUMENTS = re.compile(r"I([fd])(?:NS\d_5ShapeILi(\d)ELi(\d)E)?")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")
REALS = {"f": "mixed", "d": "double", "": ""}


def registers(text):
    """{(stage, shape, precision): (registers, bytes spilled)}, the most of kernels of one name."""
    found = {}
    for part in text.split("Compiling entry function")[1:]:
        name, spills, used = (pattern.search(part) for pattern in (NAME, SPILLS, REGISTERS))
        if not (name and spills and used):
            continue
        length = int(name[1])
        arguments = ARGUMENTS.match(name[2][length:])
        real, *shape = arguments.groups("") if arguments else ("",)
        key = (name[2][:length], "/".join(filter(None, shape)), REALS[real])
        count = (int(used[1]), int(spills[1]) + int(spills[2]))
        found[key] = max(found.get(key, count), count)
    return found


def show(found):
    print("| stage | shape | precision | registers | spilled (bytes) |\n|---|---|---|---|---|")
    for (stage, shape, precision), (used, spilled) in sorted(found.items()):
        print(f"| {stage} | {shape} | {precision} | {used} | {spilled} |")


if __name__ == "__main__":
    show(registers(sys.stdin.read()))
