"""Commands that write the collectors' configuration."""

import argparse

from nta.utils.config import application_config
from nta.utils.service import parse_options


def opmode():
    parser = argparse.ArgumentParser(description="Sets the mode of all agents.")
    parser.add_argument("opmode", choices=("active", "hot_standby"))
    application_config().override("load_agent", opmode=parser.parse_args().opmode)


def sql():
    options = parse_options("Sets the database's address and login.", "host", "user", "password")
    application_config("collectors-sqldb.conf").override(
        "repository", host=options.host, user=options.user, password=options.password)
