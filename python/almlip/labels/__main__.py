# SPDX-License-Identifier: GPL-2.0-or-later
import sys

from almlip.labels.batch import main

sys.exit(main())
