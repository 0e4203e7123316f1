"""Brings the schema of the collectors' database up to date."""

from taurus_metric_collectors import collectorsdb


def migrate():
    with collectorsdb.transaction() as cursor:
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS sample ("
            " name VARCHAR(255) NOT NULL, timestamp DATETIME NOT NULL, value DOUBLE NOT NULL,"
            " PRIMARY KEY (name, timestamp)) ENGINE = InnoDB DEFAULT CHARSET = utf8")


if __name__ == "__main__":
    migrate()
