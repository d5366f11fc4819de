import sys

from almlip.campaign.loop import main

sys.exit(main())
