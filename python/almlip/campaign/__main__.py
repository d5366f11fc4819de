# SPDX-License-Identifier: GPL-2.0-or-later
import sys

from almlip.campaign.command import main

sys.exit(main())
