"""RabbitMQ: durable queues, persistent messages that the broker has confirmed, consumers that acknowledge after the work.
Bodies are JSON."""

import json
import os

import pika

from nta.utils.config import Config

CONF = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "conf")


def rabbitmq_config():
    return Config(CONF, "rabbitmq.conf")


def connect():
    """Opens a connection by the settings in rabbitmq.conf. Raises pika.exceptions.AMQPError."""
    config = rabbitmq_config()
    return pika.BlockingConnection(pika.ConnectionParameters(
        host=config.get("connection", "host"),
        port=config.getint("connection", "port"),
        virtual_host=config.get("connection", "virtual_host"),
        credentials=pika.PlainCredentials(config.get("credentials", "user"), config.get("credentials", "password")),
        heartbeat=600,
        blocked_connection_timeout=60,
    ))


class Publisher(object):
    """Publishes on a channel of its own, with confirms. Raises pika.exceptions.AMQPError when a message is not taken."""

    def __init__(self, connection):
        self._channel = connection.channel()
        self._channel.confirm_delivery()

    def declare_queue(self, queue):
        self._channel.queue_declare(queue, durable=True)

    def declare_fanout(self, exchange):
        self._channel.exchange_declare(exchange, "fanout", durable=True)

    def to_queue(self, queue, message):
        self._publish("", queue, message)

    def to_exchange(self, exchange, message):
        self._publish(exchange, "", message)

    def _publish(self, exchange, routing_key, message):
        self._channel.basic_publish(
            exchange, routing_key, json.dumps(message),
            properties=pika.BasicProperties(delivery_mode=2, content_type="application/json"))


def consume(connection, queue, handle, exchange=None):
    """Calls handle(message) for each message of the queue, one at a time, and acknowledges it when that returns. An
    exception leaves the message in the queue and is passed on. With exchange, the queue is bound to that fanout exchange."""
    channel = connection.channel()
    channel.queue_declare(queue, durable=True)
    if exchange:
        channel.exchange_declare(exchange, "fanout", durable=True)
        channel.queue_bind(queue, exchange)
    channel.basic_qos(prefetch_count=1)
    for method, _properties, body in channel.consume(queue):
        handle(json.loads(body))
        channel.basic_ack(method.delivery_tag)


def queue_lengths(connection, queues):
    """Returns {queue: number of messages ready} of the queues that exist."""
    lengths = {}
    for queue in queues:
        channel = connection.channel()
        try:
            lengths[queue] = channel.queue_declare(queue, passive=True).method.message_count
            channel.close()
        except pika.exceptions.ChannelClosedByBroker:
            pass
    return lengths
