"""Takes metrics over TCP as lines `name value unixtime` and queues them for the storer."""

import SocketServer
import select
import socket
import sys

import pika

from htmengine import queues
from htmengine.line_protocol import parse_line
from nta.utils import amqp
from nta.utils.config import application_config
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("metric_listener")
BATCH = 500
# A batch that is not full waits this long for more lines.
LINGER_SECONDS = 0.2


class Handler(SocketServer.StreamRequestHandler):
    def handle(self):
        try:
            connection = amqp.connect()
            try:
                publisher = amqp.Publisher(connection)
                publisher.declare_queue(queues.METRIC_DATA)
                for batch in self._batches():
                    publisher.to_queue(queues.METRIC_DATA, batch)
                    LOG.info("queued %d samples of %s", len(batch), self.client_address[0])
            finally:
                if connection.is_open:
                    connection.close()
        except (pika.exceptions.AMQPError, socket.error) as error:
            LOG.error("connection from %s dropped: %r", self.client_address[0], error)

    def _batches(self):
        batch, rest = [], ""
        while True:
            if batch and not select.select([self.connection], [], [], LINGER_SECONDS)[0]:
                yield batch
                batch = []
            received = self.connection.recv(65536)
            lines = (rest + received).split("\n")
            rest = lines.pop() if received else ""
            for line in lines:
                if line.strip():
                    try:
                        batch.append(parse_line(line))
                    except ValueError as error:
                        LOG.warning("line left out: %s: %.200r", error, line)
                if len(batch) >= BATCH:
                    yield batch
                    batch = []
            if not received:
                if batch:
                    yield batch
                return


class Server(SocketServer.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    stop_on_signals()
    port = application_config().getint("metric_listener", "plaintext_port")
    LOG.info("listening on port %d", port)
    Server(("0.0.0.0", port), Handler).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
