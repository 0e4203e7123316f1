"""Settings in ini files: a base file, and beside it in overrides/ a file of the same name that wins."""

import ConfigParser
import os


class Config(object):
    """The settings in FOLDER/NAME with those in FOLDER/overrides/NAME laid over them.

    Raises IOError if the base file is missing.
    """

    def __init__(self, folder, name):
        self._base = os.path.join(folder, name)
        self._override = os.path.join(folder, "overrides", name)
        self._parser = ConfigParser.RawConfigParser()
        with open(self._base) as stream:
            self._parser.readfp(stream)
        self._parser.read(self._override)

    def get(self, section, option):
        return self._parser.get(section, option)

    def getint(self, section, option):
        return self._parser.getint(section, option)

    def getboolean(self, section, option):
        return self._parser.getboolean(section, option)

    def override(self, section, **options):
        """Writes options to the override file. They must exist in the base file: a misspelt one is an error."""
        for option in options:
            self._parser.get(section, option)
        override = ConfigParser.RawConfigParser()
        override.read(self._override)
        if not override.has_section(section):
            override.add_section(section)
        for option, value in options.items():
            override.set(section, option, value)
            self._parser.set(section, option, value)
        if not os.path.isdir(os.path.dirname(self._override)):
            os.makedirs(os.path.dirname(self._override))
        unfinished = self._override + ".new"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            override.write(stream)
        os.rename(unfinished, self._override)


def application_config(name="application.conf"):
    """Settings of the application whose conf folder is in APPLICATION_CONFIG_PATH."""
    return Config(os.environ["APPLICATION_CONFIG_PATH"], name)
