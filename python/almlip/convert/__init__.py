# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames from the files of electronic-structure programs and of other potentials."""
