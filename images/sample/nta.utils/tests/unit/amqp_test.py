import json

from nta.utils import amqp


class FakeChannel(object):
    def __init__(self):
        self.published = []

    def confirm_delivery(self):
        self.confirmed = True

    def basic_publish(self, exchange, routing_key, body, properties):
        self.published.append((exchange, routing_key, json.loads(body), properties.delivery_mode))


class FakeConnection(object):
    def __init__(self):
        self.made = FakeChannel()

    def channel(self):
        return self.made


def test_publisher_confirms_and_persists():
    connection = FakeConnection()
    publisher = amqp.Publisher(connection)
    publisher.to_queue("q", {"a": 1})
    publisher.to_exchange("x", [1, 2])
    assert connection.made.confirmed
    assert connection.made.published == [("", "q", {"a": 1}, 2), ("x", "", [1, 2], 2)]
