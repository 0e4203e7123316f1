"""Measures the machine's load, stores it, and in mode `active` sends it to the server as a metric."""

import datetime
import os
import socket
import sys
import time

from nta.utils.config import application_config
from nta.utils.service import start_logging, stop_on_signals
from taurus_metric_collectors import collectorsdb

LOG = start_logging("load_agent")
NAME = "machine.load1"
PLAINTEXT_PORT = 2003


def main():
    stop_on_signals()
    config = application_config()
    active = config.get("load_agent", "opmode") == "active"
    while True:
        value, now = os.getloadavg()[0], int(time.time())
        with collectorsdb.transaction() as cursor:
            cursor.execute("REPLACE INTO sample (name, timestamp, value) VALUES (%s, %s, %s)",
                           (NAME, datetime.datetime.utcfromtimestamp(now), value))
        if active:
            server = socket.create_connection((os.environ["TAURUS_HTM_SERVER"], PLAINTEXT_PORT), timeout=10)
            server.sendall("%s %f %d\n" % (NAME, value, now))
            server.close()
        LOG.info("%s %f %s", NAME, value, "sent" if active else "stored")
        time.sleep(config.getint("load_agent", "interval"))


if __name__ == "__main__":
    sys.exit(main())
