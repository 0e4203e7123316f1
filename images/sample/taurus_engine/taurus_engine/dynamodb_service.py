"""Copies the model runner's results to DynamoDB: tables taurus.metric<suffix> and taurus.metric_data<suffix>."""

import datetime
import decimal
import os
import sys

import boto.dynamodb2
from boto.dynamodb2.fields import HashKey, RangeKey
from boto.dynamodb2.table import Table
from boto.exception import JSONResponseError

from htmengine import queues
from nta.utils import amqp
from nta.utils.config import application_config
from nta.utils.service import start_logging, stop_on_signals

LOG = start_logging("dynamodb_service")
QUEUE = "dynamodb"
REGION = "us-west-2"
# DynamoDB keeps 38 digits; a double needs 17.
DECIMALS = decimal.Context(prec=17)


def connect():
    config = application_config()
    options = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "is_secure": config.getboolean("dynamodb", "is_secure"),
    }
    if config.get("dynamodb", "host"):
        options.update(host=config.get("dynamodb", "host"), port=config.getint("dynamodb", "port"))
    return boto.dynamodb2.connect_to_region(REGION, **options)


def open_table(connection, name, schema):
    """The table of that name, made if it is missing."""
    name += application_config().get("dynamodb", "table_name_suffix")
    try:
        table = Table.create(name, schema=schema, throughput={"read": 5, "write": 5}, connection=connection)
        LOG.info("made table %s", name)
        return table
    except JSONResponseError as error:
        if error.error_code != "ResourceInUseException":
            raise
        return Table(name, schema=schema, connection=connection)


def main():
    stop_on_signals()
    connection = connect()
    metrics = open_table(connection, "taurus.metric", [HashKey("uid")])
    metric_data = open_table(connection, "taurus.metric_data", [HashKey("uid"), RangeKey("timestamp")])

    def store(message):
        metric = message["metric"]
        item = {"uid": metric["uid"], "name": metric["name"], "server": metric["resource"], "display_name": metric["resource"]}
        item.update(metric["userInfo"])
        # Empty strings are no values to DynamoDB.
        metrics.put_item(data=dict((name, value) for name, value in item.items() if value != ""), overwrite=True)
        with metric_data.batch_write() as batch:
            for result in message["results"]:
                batch.put_item(data={
                    "uid": metric["uid"],
                    "timestamp": datetime.datetime.utcfromtimestamp(result["ts"]).isoformat(),
                    "anomaly_score": DECIMALS.create_decimal_from_float(result["anomaly"]),
                    "metric_value": DECIMALS.create_decimal_from_float(float(result["value"])),
                })
        LOG.info("%s: %d results stored", metric["name"], len(message["results"]))

    LOG.info("ready")
    amqp.consume(amqp.connect(), QUEUE, store, exchange=queues.MODEL_RESULTS)


if __name__ == "__main__":
    sys.exit(main())
