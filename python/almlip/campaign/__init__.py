# SPDX-License-Identifier: GPL-2.0-or-later
"""Active learning: explore, label, refit, test, and again."""
