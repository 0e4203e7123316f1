"""Brings the database's schema up to date: runs the statements of each version that is not noted in schema_version yet."""

from htmengine import repository

VERSIONS = [
    (1, [
        "CREATE TABLE `lock` (name VARCHAR(40) NOT NULL PRIMARY KEY) ENGINE = InnoDB",
        "INSERT INTO `lock` (name) VALUES ('metrics')",
        """CREATE TABLE metric (
            uid VARCHAR(40) NOT NULL PRIMARY KEY,
            datasource VARCHAR(100),
            name VARCHAR(255),
            description VARCHAR(200),
            server VARCHAR(100),
            location VARCHAR(200),
            parameters TEXT,
            status INTEGER DEFAULT 0,
            message TEXT,
            collector_error TEXT,
            last_timestamp DATETIME,
            poll_interval INTEGER DEFAULT 60,
            tag_name VARCHAR(200),
            model_params TEXT,
            last_rowid INTEGER,
            UNIQUE INDEX name_idx (name),
            INDEX server_idx (server)
        ) ENGINE = InnoDB DEFAULT CHARSET = utf8""",
        """CREATE TABLE metric_data (
            uid VARCHAR(40) NOT NULL,
            rowid INTEGER NOT NULL,
            timestamp DATETIME NOT NULL,
            metric_value DOUBLE NOT NULL,
            raw_anomaly_score DOUBLE,
            anomaly_score DOUBLE,
            display_value INTEGER,
            multi_step_best_predictions TEXT,
            PRIMARY KEY (uid, rowid),
            INDEX timestamp_idx (timestamp),
            INDEX anomaly_score_idx (anomaly_score),
            CONSTRAINT metric_data_to_metric_fk FOREIGN KEY (uid) REFERENCES metric (uid) ON UPDATE CASCADE ON DELETE CASCADE
        ) ENGINE = InnoDB DEFAULT CHARSET = utf8""",
    ]),
]


def migrate():
    with repository.transaction() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY) ENGINE = InnoDB")
        cursor.execute("SELECT version FROM schema_version")
        done = set(row["version"] for row in cursor.fetchall())
        for version, statements in VERSIONS:
            if version not in done:
                for statement in statements:
                    cursor.execute(statement)
                cursor.execute("INSERT INTO schema_version (version) VALUES (%s)", (version,))
                print "schema version %d" % version


if __name__ == "__main__":
    migrate()
