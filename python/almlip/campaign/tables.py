# SPDX-License-Identifier: GPL-2.0-or-later
"""What a campaign reports in text: the trace of the dynamics and the table of rounds."""

import numpy as np

TRACE_COLUMNS = ("step", "temperature", "max_sigma", "mean_sigma", "flagged", "rejected")


def read_trace(path):
    """Columns of the file that the input script's `fix ave/time` writes, as {name: array}."""
    lines = path.read_text().splitlines() if path.is_file() else []
    rows = [line.split() for line in lines if not line.startswith("#")]
    complete = [row for row in rows if len(row) == len(TRACE_COLUMNS)]
    table = np.array(complete, dtype=float).reshape(-1, len(TRACE_COLUMNS))
    return dict(zip(TRACE_COLUMNS, table.T))


def format_table(rows):
    """Text table of rounds: energies in meV/atom, forces and sigma in eV/Angstrom."""
    lines = [
        "round  labelled  training  force MAE  energy MAE  max sigma  rejected  seconds",
        "                           eV/A       meV/atom    eV/A",
    ]
    for row in rows:
        sigma = "-" if row["max_sigma"] is None else f"{row['max_sigma']:.3f}"
        lines.append(
            f"{row['round']:5d}  {row['labelled']:8d}  {row['training_frames']:8d}  "
            f"{row['force_mae']:9.4f}  {1000 * row['energy_mae']:10.2f}  {sigma:>9}  "
            f"{row['rejected']:8d}  {row['seconds']:7.1f}"
        )
    return "\n".join(lines)
