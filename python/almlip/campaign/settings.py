# SPDX-License-Identifier: GPL-2.0-or-later
"""campaign.yaml: checked against schema.json, with defaults and absolute paths."""

import copy
import difflib
import json
from pathlib import Path

import jsonschema
from ase.data import chemical_symbols

from ..document import Document
from ..frames import BadInput

SCHEMA = json.loads(Path(__file__).with_name("schema.json").read_text())
STEPS = ("explore", "select", "label", "fit")
RESERVED = ("potential", "start", "seed", "trace", "elements", "round")
RESOURCES = ("launcher", "cores", "threads", "nodes", "gpus", "memory", "minutes", "setup", "slurm")
KINDS = {
    "object": "keys with values",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def read_settings(path):
    """Settings with all defaults; files are absolute paths. Raises BadInput, which names the line."""
    document = Document(path)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    errors = sorted(validator.iter_errors(document.data), key=lambda error: list(error.path))
    if errors:
        raise explain(document, errors[0])
    settings = with_defaults(SCHEMA, copy.deepcopy(document.data))
    check_elements(document, settings["elements"])
    check_variables(document, settings["explore"])
    resolve_files(document, settings, SCHEMA, ())
    settings["folder"] = str(document.path.resolve().parent)
    if not settings["start"]["train"] and not settings["start"]["structures"]:
        raise document.error(
            ("start",), "neither `train` nor `structures` is given, so that there is nothing to fit"
        )
    return settings


def resolve(schema):
    """A schema with what its $ref says; keys beside $ref win."""
    if "$ref" not in schema:
        return schema
    return {**SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], **schema}


def with_defaults(schema, value):
    """The value with the defaults of all keys that are missing."""
    schema = resolve(schema)
    if schema.get("format") == "file" and "array" in schema["type"]:
        return [value] if isinstance(value, str) else value or []
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties", {})
    for key, each in properties.items():
        if key not in value and "default" in resolve(each):
            value[key] = copy.deepcopy(resolve(each)["default"])
        if key in value:
            value[key] = with_defaults(each, value[key])
    further = schema.get("additionalProperties")
    if isinstance(further, dict):
        for key in value.keys() - properties.keys():
            value[key] = with_defaults(further, {} if value[key] is None else value[key])
    return value


def explain(document, error):
    """BadInput of what jsonschema found: key, line, found, allowed."""
    where, found = tuple(error.absolute_path), short(error.instance)
    rule, value = error.validator, error.validator_value
    if rule == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        key = next(key for key in error.instance if key not in known)
        near = difflib.get_close_matches(key, known, 1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        return document.error((*where, key), f"unknown key; allowed: {', '.join(known)}{hint}")
    if rule == "required":
        key = next(key for key in value if key not in error.instance)
        what = resolve(error.schema["properties"][key])["description"]
        return document.error(where, f"`{key}` is missing: {what}")
    if rule == "type":
        kinds = [value] if isinstance(value, str) else value
        allowed = " or ".join(KINDS[kind] for kind in kinds)
    elif rule == "pattern":  # of a name
        return document.error(
            (*where, error.instance), "a name has letters, digits and _, and begins with a letter"
        )
    else:
        allowed = {
            "enum": lambda: ", ".join(value),
            "minimum": lambda: f"{value} or more",
            "maximum": lambda: f"{value} or less",
            "exclusiveMinimum": lambda: f"more than {value}",
            "minItems": lambda: f"a list of {value} or more",
            "maxItems": lambda: f"a list of {value} or fewer",
            "minProperties": lambda: f"{value} or more keys",
            "uniqueItems": lambda: "each once",
        }.get(rule, lambda: error.message)()
    return document.error(where, f"found {found}, allowed: {allowed}")


def short(value, width=60):
    text = json.dumps(value)
    return text if len(text) <= width else text[: width - 3] + "..."


def check_elements(document, elements):
    for number, symbol in enumerate(elements):
        try:
            check_symbols([symbol])
        except BadInput as error:
            raise document.error(("elements", number), str(error)) from error


def check_symbols(symbols):
    """Raises BadInput for what is no chemical symbol."""
    for symbol in symbols:
        if symbol not in chemical_symbols[1:]:
            raise BadInput(f'found "{symbol}", allowed: chemical symbols, such as Cu')


def check_variables(document, explore):
    """The driver's own variables must not be given."""
    tables = {("explore", "variables"): explore["variables"]}
    for name, scenario in explore["scenarios"].items():
        tables["explore", "scenarios", name, "variables"] = scenario["variables"]
    for where, variables in tables.items():
        for name in variables:
            if name in RESERVED:
                raise document.error((*where, name), f"is set by the campaign, as are {RESERVED}")


def resolve_files(document, value, schema, where):
    """Makes the names of files absolute, in place; they are relative to campaign.yaml."""
    schema = resolve(schema)
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        each, here = value[key], (*where, key)
        known = schema.get("properties", {})
        below = known.get(key) if isinstance(value, dict) else schema.get("items")
        below = resolve(below or schema.get("additionalProperties") or {})
        if isinstance(each, str) and below.get("format") == "file":
            value[key] = str(existing(document, here, each))
        elif isinstance(each, (dict, list)) and below:
            resolve_files(document, each, below, here)


def existing(document, where, name):
    path = document.path.resolve().parent / name
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise document.error(where, f"{name} {what} (looked for {path})")
    return path.resolve()


def inline(settings):
    """The settings themselves: those of a file, if they are a name. Raises BadInput."""
    return Document(settings).data if isinstance(settings, str) else settings


def check_labeller(path, settings):
    """The labeller of a campaign.yaml. Raises BadInput if it cannot be used, before any work."""
    from ..labels.labellers import make_labeller
    from ..labels.settings_file import read_labeller

    labeller = settings["label"]["labeller"]
    if isinstance(labeller, str):
        document, where, made = Document(labeller), (), read_labeller(labeller)
    else:
        document, where, made = Document(path), ("label", "labeller"), None
    try:
        made = made or make_labeller({"folder": settings["folder"], **labeller})
        made.check(settings["elements"])
    except BadInput as error:
        raise document.located(error, where) from error
    return made
