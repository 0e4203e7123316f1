#!/bin/bash
set -o errexit -o nounset -o pipefail

supervisord -c conf/supervisord.conf --nodaemon
