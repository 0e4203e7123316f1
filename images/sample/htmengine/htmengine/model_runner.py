"""Scores the rows of monitored metrics. A model whose checkpoint is missing or old sees the rows since then once more;
scores that are already stored stay as they are."""

import calendar
import json
import os
import sys

from htmengine import queues, repository
from htmengine.model import Model
from nta.utils import amqp
from nta.utils.config import application_config
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("model_runner")
CHUNK = 100


class Runner(object):
    def __init__(self, connection):
        self._connection = connection
        self._publisher = amqp.Publisher(connection)
        self._publisher.declare_fanout(queues.MODEL_RESULTS)
        self._models = {}
        self._saved = {}
        # Model that has seen rows whose scores are not stored yet: it must not become a checkpoint.
        self._unstored = None
        config = application_config("model-checkpoint.conf")
        self._root = os.path.expandvars(config.get("storage", "root"))
        self._rows_per_checkpoint = config.getint("storage", "rows_per_checkpoint")

    def handle(self, message):
        uid = message["uid"]
        while True:
            with repository.transaction() as cursor:
                metric = repository.find(cursor, uid)
                if metric is None or metric["status"] != repository.ACTIVE:
                    LOG.info("%s is not monitored", uid)
                    self._models.pop(uid, None)
                    return
                model = self._model(metric)
                rows = repository.rows_after(cursor, uid, model.rowid, CHUNK)
            if not rows:
                return
            self._score(metric, model, rows)
            # Keeps the connection's heartbeat going through a long backlog.
            self._connection.process_data_events(0)

    def _model(self, metric):
        uid = metric["uid"]
        if uid not in self._models:
            model = Model.load(self._folder(uid))
            if model is None:
                parameters = json.loads(metric["model_params"] or "{}")
                model = Model.create(parameters.get("min"), parameters.get("max"))
            LOG.info("model of %s begins after row %d", metric["name"], model.rowid)
            self._models[uid], self._saved[uid] = model, model.rowid
        return self._models[uid]

    def _score(self, metric, model, rows):
        results = []
        self._unstored = metric["uid"]
        for row in rows:
            raw, score = model.score(row["rowid"], row["timestamp"], row["metric_value"])
            if row["anomaly_score"] is None:
                results.append((row, raw, score))
        if results:
            with repository.transaction() as cursor:
                repository.store_scores(
                    cursor, metric["uid"], [(row["rowid"], raw, score) for row, raw, score in results])
                # Before the commit: after a crash they are published twice rather than never.
                self._publish(metric, results)
        self._unstored = None
        LOG.info("%s: %d rows up to %d", metric["name"], len(rows), model.rowid)
        if model.rowid - self._saved[metric["uid"]] >= self._rows_per_checkpoint:
            self._save(metric["uid"])

    def _publish(self, metric, results):
        specification = json.loads(metric["parameters"])
        self._publisher.to_exchange(queues.MODEL_RESULTS, {
            "metric": {"uid": metric["uid"], "name": metric["name"], "resource": metric["server"],
                       "userInfo": specification["metricSpec"].get("userInfo", {})},
            "results": [{"rowid": row["rowid"], "ts": calendar.timegm(row["timestamp"].timetuple()),
                         "value": row["metric_value"], "rawAnomaly": raw, "anomaly": score}
                        for row, raw, score in results],
        })

    def _folder(self, uid):
        # NuPIC takes no unicode paths.
        return os.path.join(self._root, uid).encode("utf-8")

    def _save(self, uid):
        self._models[uid].save(self._folder(uid))
        self._saved[uid] = self._models[uid].rowid

    def save_all(self):
        for uid, model in self._models.items():
            if uid != self._unstored and model.rowid > self._saved[uid]:
                self._save(uid)


def main():
    stop_on_signals()
    connection = amqp.connect()
    publisher = amqp.Publisher(connection)
    publisher.declare_queue(queues.MODEL_INPUT)
    runner = Runner(connection)
    # Rows that were stored while nobody ran are announced by nobody.
    with repository.transaction() as cursor:
        for metric in repository.list_metrics(cursor, monitored_only=True):
            publisher.to_queue(queues.MODEL_INPUT, {"uid": metric["uid"]})
    LOG.info("ready")
    try:
        amqp.consume(connection, queues.MODEL_INPUT, runner.handle)
    except SystemExit:
        runner.save_all()
        raise


if __name__ == "__main__":
    sys.exit(main())
