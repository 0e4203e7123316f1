"""What every program of the application does first."""

import argparse
import logging
import signal
import sys


def start_logging(name):
    """Log lines go to standard error; supervisord keeps them. Returns the program's logger."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s(%(process)d) %(levelname)s %(message)s")
    logging.getLogger("pika").setLevel(logging.WARNING)
    return logging.getLogger(name)


def stop_on_signals():
    """Makes SIGINT and SIGTERM end the program by SystemExit, so that `finally` blocks run."""
    def stop(_number, _frame):
        sys.exit(0)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)


def parse_options(description, *names):
    """Parses required options --name=VALUE, returns them as a namespace."""
    parser = argparse.ArgumentParser(description=description)
    for name in names:
        parser.add_argument("--" + name, required=True)
    return parser.parse_args()
