#!/bin/bash
# Configures the collectors from the environment, then runs the command that the arguments name.
set -o errexit -o nounset -o pipefail

cd "$(dirname "$0")/.."
mkdir -p logs
taurus-set-collectorsdb-login --host="$MYSQL_HOST" --user="$MYSQL_USER" --password="$MYSQL_PASSWD"
python taurus_metric_collectors/collectorsdb/migrate.py
"$@"
