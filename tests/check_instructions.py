# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that a binary for unknown processors keeps AVX instructions inside the kernels that are compiled for them.

    python tests/check_instructions.py BINARY...

A function outside of them, such as one of the standard library that the linker took from a kernel's file, would end the
program on a processor without AVX.
"""

import re
import subprocess
import sys

FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
# zmm, mask and the upper half of the vector registers
AVX512 = re.compile(r"%zmm|%k[1-7]|%[xy]mm(?:1[6-9]|2\d|3[01])\b")
AVX = re.compile(r"\tv[a-z]")  # mnemonics of AVX and AVX2 begin with v
NOT_AVX = re.compile(r"\tver[rw]\b")  # ... as do two old ones


def misplaced(binary):
    """Names of the functions with instructions that they must not have."""
    command = ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", binary]
    function, found = "", {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        for line in listing.stdout:
            if match := FUNCTION.match(line):
                function = match[1]
            elif AVX512.search(line):
                if "6avx512" not in function:
                    found[function] = line
            elif (
                AVX.search(line)
                and not NOT_AVX.search(line)
                and "6avx512" not in function
                and "4avx2" not in function
            ):
                found[function] = line
    if not function:
        sys.exit(f"check_instructions.py: objdump lists no function of {binary}")
    return found


def main():
    failed = False
    for binary in sys.argv[1:]:
        for function, line in misplaced(binary).items():
            print(f"{binary}: {function} has {' '.join(line.split()[1:])}")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main()
