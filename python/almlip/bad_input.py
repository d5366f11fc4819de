# SPDX-License-Identifier: GPL-2.0-or-later
"""The exception of what users give."""


class BadInput(Exception):
    """Input that cannot be worked on; the message is one line for the user."""
