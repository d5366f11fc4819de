# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign.yaml: every error names the line, what was found and what is allowed."""

import pytest
from ase.build import bulk

from almlip.campaign.new import new_campaign
from almlip.campaign.settings import check_labeller, read_settings
from almlip.document import Document
from almlip.frames import BadInput, write_frames

GOOD = """\
elements: [Al]
start:
  train: [train.extxyz]
explore:
  input: in.md
  variables: {steps: 100}
  scenarios:
    hot: {replicas: 2}
label:
  labeller: {calculator: ase, name: emt}
stop:
  rounds: 3
"""


@pytest.fixture
def folder(tmp_path):
    write_frames(tmp_path / "train.extxyz", [bulk("Al", cubic=True)])
    (tmp_path / "in.md").write_text("run 0\n")
    return tmp_path


def read(folder, text):
    (folder / "campaign.yaml").write_text(text)
    return read_settings(folder / "campaign.yaml")


def test_defaults_are_filled_in_and_files_are_absolute(folder):
    settings = read(folder, GOOD)
    assert settings["explore"]["input"] == str(folder / "in.md")
    assert settings["start"] == {"train": [str(folder / "train.extxyz")], "structures": []}
    assert settings["explore"]["scenarios"]["hot"]["resume"] is True
    assert settings["select"]["strategy"] == "alc_atoms"
    assert settings["fit"]["settings"] == {}


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "rounds: 3",
            "round: 3",
            "campaign.yaml:12: stop.round: unknown key; allowed: error, for, ",
        ),
        ("rounds: 3", "round: 3", "did you mean `rounds`?"),
        ("rounds: 3", "rounds: many", ':12: stop.rounds: found "many", allowed: a whole number'),
        ("rounds: 3", "rounds: -1", ":12: stop.rounds: found -1, allowed: 0 or more"),
        (
            "replicas: 2",
            "replicas: 0",
            ":8: explore.scenarios.hot.replicas: found 0, allowed: 1 or",
        ),
        ("hot:", "hot-1:", ":8: explore.scenarios.hot-1: a name has letters, digits and _"),
        ("  input: in.md\n", "", ":4: explore: `input` is missing: LAMMPS input script"),
        ("in.md", "in.mdd", ":5: explore.input: in.mdd does not exist (looked for "),
        ("[Al]", "[Xx]", ':1: elements.0: found "Xx", allowed: chemical symbols'),
        ("[Al]", "[]", ":1: elements: found [], allowed: a list of 1 or more"),
        ("steps: 100", "seed: 100", ":6: explore.variables.seed: is set by the campaign"),
        ("[train.extxyz]", "[]", ":2: start: neither `train` nor `structures` is given"),
        ("stop:", "explore:", ":4: explore: is there twice, again in line 11"),
        ("steps: 100}", "steps: 100", "campaign.yaml:7: not valid YAML: "),
        ("{calculator: ase, name: emt}", "3", ":10: label.labeller: found 3, allowed: keys with"),
        (GOOD, "- 1", "holds no settings; it must begin with a key"),
    ],
)
def test_error_names_line_found_and_allowed(folder, old, new, message):
    with pytest.raises(BadInput) as error:
        read(folder, GOOD.replace(old, new))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_settings_may_be_inline_or_in_a_file(folder):
    (folder / "emt.yaml").write_text("calculator: ase\nname: emt\n")
    settings = read(folder, GOOD.replace("{calculator: ase, name: emt}", "emt.yaml"))
    assert settings["label"]["labeller"] == str(folder / "emt.yaml")


def test_json_is_yaml_too(folder):
    (folder / "a.json").write_text('{"a": [1, 2.5e-3, true, null, "No"]}')
    assert Document(folder / "a.json").data == {"a": [1, 0.0025, True, None, "No"]}


def test_json_may_be_indented_by_tabs(folder):
    (folder / "a.json").write_text('{\n\t"a": {\n\t\t"b": 1e-6\n\t}\n}')
    assert Document(folder / "a.json").data == {"a": {"b": 1e-6}}


@pytest.mark.parametrize(
    "text, value",  # of YAML 1.2.2, 10.3.2
    [
        *(("1e-6", 1e-6), ("-1.5E+3", -1500.0), ("2.e-3", 0.002), (".5", 0.5), ("+1.", 1.0)),
        *((".inf", float("inf")), ("-.Inf", -float("inf")), ("+12", 12), ("0x1F", 31), ("0o17", 15)),
        *(("No", "No"), ("off", "off"), ("Y", "Y"), ("12:30", "12:30"), ("1e", "1e"), ('"1e-6"', "1e-6")),
        *(("True", True), ("~", None)),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(folder, text, value):
    (folder / "a.yaml").write_text(f"a: [{text}]")
    found = Document(folder / "a.yaml").data["a"][0]
    assert (found, type(found)) == (value, type(value))


QE = """\
    calculator: espresso
    pseudopotentials: {Al: Al.upf}
    pseudo_dir: .
    command: 'true'
    kpoints: {grid: [1, 1, 1]}
    input_data:
      system: {ecutwfc: 20}
      electrons: {conv_thr: 1e-6}
"""


@pytest.mark.parametrize("inline", [True, False])
def test_labeller_gets_numbers_as_users_write_them(folder, inline):
    (folder / "Al.upf").write_text("")
    (folder / "qe.yaml").write_text(QE.replace("    ", "", 1).replace("\n    ", "\n"))
    block = f"\n{QE}" if inline else " qe.yaml\n"
    settings = read(folder, GOOD.replace(" {calculator: ase, name: emt}\n", block))
    labeller = check_labeller(folder / "campaign.yaml", settings)
    assert labeller.settings["input_data"]["electrons"]["conv_thr"] == 1e-6


@pytest.mark.parametrize("inline", [True, False])
def test_error_of_a_labeller_names_file_and_line(folder, inline):
    (folder / "emt.yaml").write_text("calculator: ase\nname: emt\nmax_force: -3\n")
    block = "\n    calculator: ase\n    name: emt\n    max_force: -3\n" if inline else " emt.yaml\n"
    settings = read(folder, GOOD.replace(" {calculator: ase, name: emt}\n", block))
    with pytest.raises(BadInput) as error:
        check_labeller(folder / "campaign.yaml", settings)
    where = "campaign.yaml:13" if inline else "emt.yaml:3"
    assert f'{where}: "max_force" is -3, but it must be a positive number' in str(error.value)


@pytest.mark.parametrize("elements", [["Cu", "Au"], ["Si"], ["Mg", "O"], ["Ti"]])
def test_what_new_writes_can_be_read(tmp_path, elements):
    folder = new_campaign(tmp_path / "c", elements)
    for name in ("campaign.yaml", "test.yaml"):
        assert read_settings(folder / name)["elements"] == elements


def test_new_does_not_touch_a_folder_that_is_not_empty(folder):
    with pytest.raises(BadInput, match="is there already"):
        new_campaign(folder, ["Al"])
