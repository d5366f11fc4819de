# SPDX-License-Identifier: GPL-2.0-or-later
import pytest

from argon import make_frames


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Extended XYZ file of 40 frames of argon."""
    path = tmp_path_factory.mktemp("frames") / "train.extxyz"
    path.write_text("".join(make_frames(40)))
    return path
