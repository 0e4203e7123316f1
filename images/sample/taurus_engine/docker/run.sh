#!/bin/bash
set -o errexit -o nounset -o pipefail

nginx -p . -c conf/nginx-taurus.conf
supervisord -c conf/supervisord.conf --nodaemon
