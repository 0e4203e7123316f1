"""Commands that write the addresses and logins of the server's services into its configuration."""

import argparse

from nta.utils.amqp import rabbitmq_config
from nta.utils.config import application_config
from nta.utils.service import parse_options


def rabbitmq():
    options = parse_options("Sets RabbitMQ's address and login.", "host", "user", "password")
    config = rabbitmq_config()
    config.override("connection", host=options.host)
    config.override("credentials", user=options.user, password=options.password)


def sql():
    options = parse_options("Sets the database's address and login.", "host", "user", "password")
    application_config().override("repository", host=options.host, user=options.user, passwd=options.password)


def dynamodb():
    parser = argparse.ArgumentParser(description="Sets DynamoDB's address; empty ones mean Amazon's.")
    for name in ("--host", "--port", "--table-suffix"):
        parser.add_argument(name, required=True)
    parser.add_argument("--security-off", action="store_true", help="plain HTTP")
    options = parser.parse_args()
    application_config().override(
        "dynamodb", host=options.host, port=options.port, table_name_suffix=options.table_suffix,
        is_secure="false" if options.security_off else "true")


def api_key():
    options = parse_options("Sets the key of the REST API.", "apikey")
    application_config().override("security", apikey=options.apikey)
