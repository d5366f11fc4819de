import sys

from almlip.labels.batch import main

sys.exit(main())
