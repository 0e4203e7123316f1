#!/bin/bash
# Configures the server from the environment, then runs the script that the arguments name.
set -o errexit -o nounset -o pipefail

cd "$(dirname "$0")/.."
docker/configure.sh
source "$@"
