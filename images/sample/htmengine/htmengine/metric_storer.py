"""Stores queued metrics in MySQL and tells the model runner which models have new rows."""

import collections
import sys

from htmengine import queues, repository
from nta.utils import amqp
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("metric_storer")


def main():
    stop_on_signals()
    connection = amqp.connect()
    publisher = amqp.Publisher(connection)
    publisher.declare_queue(queues.MODEL_INPUT)

    def store(samples):
        by_name = collections.OrderedDict()
        for name, value, unix_time in samples:
            by_name.setdefault(name, []).append((value, unix_time))
        models = []
        with repository.transaction() as cursor:
            repository.lock_metrics(cursor)
            for name, group in by_name.items():
                metric, added = repository.add_samples(cursor, name, group)
                LOG.info("%s: %d of %d samples stored", name, added, len(group))
                if metric["status"] == repository.ACTIVE and added:
                    models.append(metric["uid"])
        for uid in models:
            publisher.to_queue(queues.MODEL_INPUT, {"uid": uid})

    LOG.info("ready")
    amqp.consume(connection, queues.METRIC_DATA, store)


if __name__ == "__main__":
    sys.exit(main())
