# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels: energies, forces and stresses of a batch of structures, from any code.

    almlip label BATCH.extxyz -o LABELLED.extxyz --labeller FILE.yaml|json
                 [--cache DIR] [--launcher "mpirun -n 4"] [--workers N] [--retry-failed]
                 [--quarantine FILE] [--report FILE]

`python -m almlip.labels` takes the same arguments. Paths inside FILE are relative to its folder.

LABELLED.extxyz             the good frames, in the order of the batch
LABELLED.quarantine.extxyz  the others, with `verdict` and `reason` in their comment line
LABELLED.report.json        {"structures": [{"index", "key", "verdict", "reason", "seconds",
                            "cached", "code", "host"}, ...], "verdicts": {verdict: count},
                            "reasons": {reason: count}, "seconds": spent by this call's labels,
                            "cached": count, "largest_force": eV/Angstrom or null, "settings"}

All three appear complete or not at all; frames keep all of their comment line and columns.
DIR is `labels` beside LABELLED unless said; any number of calls on any number of machines may share
it: each structure is computed by one of them, the others wait for it.

Exit status: 0 if a frame was labelled, or if the verdict on each is about the frame ("unphysical",
"scf_not_converged"); 1 for bad input, or if nothing was labelled and a verdict is about the run
("crashed", "parse_error", "timeout", "killed"), with the reasons on stderr, after all files were
written; 130 if interrupted. The same command goes on after any stop.
"""
