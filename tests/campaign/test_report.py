# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of a campaign: one file, and what stands out in it."""

import re

import numpy as np
import pytest
from stand_ins import Trial

from almlip.campaign.settings import read_settings
from almlip.report.campaign import ideal_share
from almlip.report.issues import find_issues
from almlip.report.structure_map import principal_components

ROW = {
    "round": 1, "new_force_mae": 0.1, "force_mae": 0.1, "measured_on": "test frames", "refused": 0,
    "labelled": 10, "runs": {},
}  # fmt: skip
RUN = {"scenario": "melt", "failure": "", "nothing_trusted": False}
JUDGED = {"calibration": None, "structures": []}


@pytest.fixture
def trial(tmp_path, make_program):
    return Trial(tmp_path, make_program)


def test_report_is_one_file_that_loads_nothing(trial, monkeypatch, capsys):
    trial.settings["stop"]["rounds"] = 1
    assert trial.run_here(monkeypatch, capsys)[0] == 0
    text = (trial.output / "report.html").read_text()
    page = re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.DOTALL)  # plotly.js itself
    assert not re.search(r"""(src|href)=["']https?:""", page)
    assert page.count('class="plotly-graph-div"') == 10
    assert "1 rounds are done" in page
    assert 'href="rounds/01/judge/labelled.extxyz"' in page
    assert "flagged, but no candidate" in page


def test_report_before_the_first_round_says_so(trial, monkeypatch, capsys):
    status, _, stderr = trial.run_here(monkeypatch, capsys, "report")
    assert status == 1
    assert "no round is done yet" in stderr


def issues(trial, rows, judged):
    trial.write()
    settings = read_settings(trial.folder / "campaign.yaml")
    return " ".join(" ".join(issue) for issue in find_issues(settings, rows, judged))


def test_nothing_stands_out_in_a_good_campaign(trial):
    assert issues(trial, [ROW, ROW], [JUDGED, JUDGED]) == ""


def test_issues_name_what_is_wrong_and_what_to_do(trial):
    distrusted = {**ROW, "runs": {"melt-1": {**RUN, "nothing_trusted": True}}}
    refused = {**distrusted, "refused": 5, "new_force_mae": 0.5}
    failures = [{"verdict": "timeout", "reason": "not done after 600 s"}] * 5
    wrong = {"calibration": {"median_ratio": 2.7}, "structures": failures}
    found = issues(trial, [distrusted, refused], [JUDGED, wrong])
    assert "2 of 2 runs of melt were not trusted from their first step on" in found
    assert "5 of 15 structures have no label; most often: not done after 600 s" in found
    assert "New labels were predicted 5.0 times worse than the test frames" in found
    assert "are 3.0 times larger than sigma says" in found


def test_ideal_share_is_that_of_normal_errors():
    # The quantiles 50, 90 and 99 % of the length of a normal vector whose rms is 1: chi of 3 degrees / sqrt(3)
    for scale, share in ((0.888, 0.5), (1.443, 0.9), (1.945, 0.99)):
        assert ideal_share(scale) == pytest.approx(share, abs=2e-3)


def test_rejections_are_told_by_round_and_reason(trial, monkeypatch, capsys):
    trial.variables["mode"] = "overlap"
    trial.settings["stop"]["rounds"] = 1
    assert trial.run_here(monkeypatch, capsys)[0] == 0
    page = (trial.output / "report.html").read_text()
    assert re.search(
        r"labeller: unphysical</td><td>atoms .* Angstrom apart, below min_distance", page
    )
    assert "Rejections by reason" in page


def test_map_spreads_what_differs_and_keeps_copies_together():
    features = np.array([[0, 0, 1], [0, 0, 1], [5, 0, 1], [0, 2, 1.0]])
    xy, shares = principal_components(features)
    apart = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    assert apart == pytest.approx(np.linalg.norm(features[:, None] - features[None], axis=2))
    assert shares.sum() == pytest.approx(1)  # three points lie in a plane
    assert shares[0] > shares[1]
