# SPDX-License-Identifier: GPL-2.0-or-later
"""A few kills at random moments; kill_campaign.py does as many as one likes."""

import shutil

import pytest
from kill_campaign import compare

pytestmark = pytest.mark.skipif(shutil.which("lmp") is None, reason="there is no lmp")


def test_killed_campaign_ends_as_one_that_was_left_alone(tmp_path):
    counts = compare(tmp_path, kills=5, rounds=1)
    assert sum(counts.values()) >= 3  # it may be over before the last of them
