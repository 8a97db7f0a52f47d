"""`python -m router`: one router, against the Kafka that the settings name, until SIGTERM."""

import sys

from adapters.service import run_service
from adapters.settings import RouterSettings
from router.loop import Router

if __name__ == "__main__":
    sys.exit(run_service("router", RouterSettings, lambda *given: Router(*given).run()))
