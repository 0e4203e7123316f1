"""The collectors' database."""

import contextlib

import MySQLdb

from nta.utils.config import application_config


@contextlib.contextmanager
def transaction():
    """Gives a cursor; commits at the end, rolls back on an exception."""
    config = application_config("collectors-sqldb.conf")
    connection = MySQLdb.connect(
        host=config.get("repository", "host"), port=config.getint("repository", "port"),
        user=config.get("repository", "user"), passwd=config.get("repository", "password"),
        db=config.get("repository", "db"), charset="utf8", connect_timeout=10)
    try:
        yield connection.cursor()
        connection.commit()
    finally:
        connection.close()
