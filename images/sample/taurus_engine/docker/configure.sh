#!/bin/bash
# Writes the server's certificate and configuration, and brings its database's schema up to date.
set -o errexit -o nounset -o pipefail

mkdir -p logs conf/ssl
if [ ! -f conf/ssl/localhost.crt ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout conf/ssl/localhost.key -out conf/ssl/localhost.crt \
        -subj "/C=US/ST=CA/O=$SSL_ORG_NAME/L=$SSL_LOCALITY/CN=$SSL_DOMAIN_NAME/OU=$SSL_ORGANIZATIONAL_UNIT_NAME/emailAddress=$SSL_EMAIL_ADDRESS"
fi
taurus-set-rabbitmq --host="$RABBITMQ_HOST" --user="$RABBITMQ_USER" --password="$RABBITMQ_PASSWD"
taurus-set-sql-login --host="$MYSQL_HOST" --user="$MYSQL_USER" --password="$MYSQL_PASSWD"
taurus-set-dynamodb --host="$DYNAMODB_HOST" --port="$DYNAMODB_PORT" --table-suffix="$DYNAMODB_TABLE_SUFFIX" $DYNAMODB_EXTRAS
taurus-set-api-key --apikey="$TAURUS_API_KEY"
python taurus_engine/repository/migrate.py
