# SPDX-License-Identifier: GPL-2.0-or-later
"""`almlip COMMAND`, for the commands that are written in Python."""

import sys
from importlib import import_module

# Each module has main(arguments), which returns the exit status.
COMMANDS = {
    "campaign": "almlip.campaign.command",
    "convert": "almlip.convert.command",
    "label": "almlip.labels.batch",
    "report": "almlip.report.potential",
}


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        given = f'there is no command "{arguments[0]}"' if arguments else "a command is needed"
        print(f"almlip: {given}; in Python there are {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    return import_module(COMMANDS[arguments[0]]).main(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
