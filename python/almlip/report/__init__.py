# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of campaigns and of pool studies."""
