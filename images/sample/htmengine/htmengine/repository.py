"""The tables `metric` and `metric_data` of the application's database."""

import contextlib
import datetime
import json
import uuid

import MySQLdb
import MySQLdb.cursors

from nta.utils.config import application_config

# metric.status
UNMONITORED = 0
ACTIVE = 1

POLL_INTERVAL = 300


@contextlib.contextmanager
def transaction():
    """Gives a cursor (rows are dicts); commits at the end, rolls back on an exception."""
    config = application_config()
    connection = MySQLdb.connect(
        host=config.get("repository", "host"), port=config.getint("repository", "port"),
        user=config.get("repository", "user"), passwd=config.get("repository", "passwd"),
        db=config.get("repository", "db"), charset="utf8", use_unicode=True, connect_timeout=10,
        cursorclass=MySQLdb.cursors.DictCursor)
    try:
        yield connection.cursor()
        connection.commit()
    finally:
        connection.close()


def timestamp_of(unix_time):
    """Naive UTC datetime."""
    return datetime.datetime.utcfromtimestamp(unix_time).replace(microsecond=0)


def lock_metrics(cursor):
    """Serialises those who add metrics or rows until the transaction ends."""
    cursor.execute("SELECT name FROM `lock` WHERE name = 'metrics' FOR UPDATE")


def find_by_name(cursor, name):
    cursor.execute("SELECT * FROM metric WHERE name = %s", (name,))
    return cursor.fetchone()


def find(cursor, uid):
    cursor.execute("SELECT * FROM metric WHERE uid = %s", (uid,))
    return cursor.fetchone()


def list_metrics(cursor, monitored_only=False):
    cursor.execute("SELECT * FROM metric WHERE status >= %s ORDER BY name", (ACTIVE if monitored_only else UNMONITORED,))
    return cursor.fetchall()


def create_metric(cursor, name):
    cursor.execute(
        "INSERT INTO metric (uid, datasource, name, description, server, location, status, poll_interval, last_rowid)"
        " VALUES (%s, 'custom', %s, %s, '', '', %s, %s, 0)",
        (uuid.uuid4().hex, name, "Custom metric " + name, UNMONITORED, POLL_INTERVAL))
    return find_by_name(cursor, name)


def add_samples(cursor, name, samples):
    """Appends samples [(value, unix time)] to the metric, which is made when it is new. Samples that are not newer than the
    last one are left out, so that a batch may come twice. Returns the metric and the number added."""
    metric = find_by_name(cursor, name) or create_metric(cursor, name)
    rowid, last = metric["last_rowid"] or 0, metric["last_timestamp"]
    rows = []
    for value, unix_time in sorted(samples, key=lambda sample: sample[1]):
        timestamp = timestamp_of(unix_time)
        if last is None or timestamp > last:
            rowid, last = rowid + 1, timestamp
            rows.append((metric["uid"], rowid, timestamp, value))
    if rows:
        cursor.executemany(
            "INSERT INTO metric_data (uid, rowid, timestamp, metric_value) VALUES (%s, %s, %s, %s)", rows)
        cursor.execute("UPDATE metric SET last_rowid = %s, last_timestamp = %s WHERE uid = %s", (rowid, last, metric["uid"]))
    return metric, len(rows)


def monitor(cursor, uid, specification):
    """Makes the metric a model: specification is the request as it came (datasource, metricSpec, modelParams)."""
    cursor.execute(
        "UPDATE metric SET status = %s, server = %s, parameters = %s, model_params = %s WHERE uid = %s",
        (ACTIVE, specification["metricSpec"].get("resource", ""), json.dumps(specification),
         json.dumps(specification.get("modelParams", {})), uid))


def delete_metric(cursor, uid):
    cursor.execute("DELETE FROM metric WHERE uid = %s", (uid,))


def rows_after(cursor, uid, rowid, limit):
    cursor.execute(
        "SELECT rowid, timestamp, metric_value, anomaly_score FROM metric_data WHERE uid = %s AND rowid > %s"
        " ORDER BY rowid LIMIT %s", (uid, rowid, limit))
    return cursor.fetchall()


def store_scores(cursor, uid, results):
    """results: [(rowid, raw score, anomaly score)]"""
    cursor.executemany(
        "UPDATE metric_data SET raw_anomaly_score = %s, anomaly_score = %s WHERE uid = %s AND rowid = %s",
        [(raw, score, uid, rowid) for rowid, raw, score in results])


def data_of(cursor, uid, limit=None):
    """Rows of the model, newest first."""
    statement = ("SELECT rowid, timestamp, metric_value, anomaly_score FROM metric_data WHERE uid = %s"
                 " ORDER BY rowid DESC")
    cursor.execute(statement + (" LIMIT %s" if limit else ""), (uid, limit) if limit else (uid,))
    return cursor.fetchall()
