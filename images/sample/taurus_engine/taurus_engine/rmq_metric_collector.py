"""Sends the lengths of the application's queues as metrics, once a minute."""

import argparse
import socket
import sys
import time

from htmengine import queues
from nta.utils import amqp
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("rmq_metric_collector")
INTERVAL_SECONDS = 60


def main():
    stop_on_signals()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metric-addr", required=True, help="host:port that takes plaintext metrics")
    parser.add_argument("--metric-prefix", required=True)
    options = parser.parse_args()
    host, _, port = options.metric_addr.rpartition(":")
    while True:
        connection = amqp.connect()
        lengths = amqp.queue_lengths(connection, [queues.METRIC_DATA, queues.MODEL_INPUT])
        connection.close()
        now = int(time.time())
        receiver = socket.create_connection((host, int(port)), timeout=10)
        for queue, length in sorted(lengths.items()):
            receiver.sendall("%s.queue.%s.messages %d %d\n" % (options.metric_prefix, queue, length, now))
        receiver.close()
        LOG.info("sent %r", lengths)
        time.sleep(INTERVAL_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
