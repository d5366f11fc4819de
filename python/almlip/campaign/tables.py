# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of rounds in text."""


def format_table(rows):
    """Energies in meV/atom, forces and sigma in eV/Angstrom."""
    lines = [
        "round  labelled  training  force MAE  new labels  energy MAE  max sigma  rejected  seconds",
        "                           eV/A       eV/A        meV/atom    eV/A",
    ]
    if rows and rows[0]["round"]:
        lines = []
    for row in rows:
        lines.append(
            f"{row['round']:5d}  {row['labelled']:8d}  {row['training_frames']:8d}  "
            f"{row['force_mae']:9.4f}  {number(row['new_force_mae'], '.4f'):>10}  "
            f"{1000 * row['energy_mae']:10.2f}  {number(row['max_sigma'], '.3f'):>9}  "
            f"{row['rejected']:8d}  {row['seconds']:7.1f}"
        )
    return "\n".join(lines)


def number(value, form):
    return "-" if value is None else format(value, form)
