import pytest

from nta.utils.config import Config


@pytest.fixture
def folder(tmpdir):
    tmpdir.join("application.conf").write("[repository]\nhost = localhost\nport = 3306\n")
    return str(tmpdir)


def test_base_file_alone(folder):
    config = Config(folder, "application.conf")
    assert config.get("repository", "host") == "localhost"
    assert config.getint("repository", "port") == 3306


def test_override_wins_and_lasts(folder):
    Config(folder, "application.conf").override("repository", host="mysql")
    config = Config(folder, "application.conf")
    assert (config.get("repository", "host"), config.get("repository", "port")) == ("mysql", "3306")


def test_override_keeps_earlier_ones(folder):
    Config(folder, "application.conf").override("repository", host="mysql")
    Config(folder, "application.conf").override("repository", port="3307")
    config = Config(folder, "application.conf")
    assert (config.get("repository", "host"), config.get("repository", "port")) == ("mysql", "3307")


def test_misspelt_option_is_an_error(folder):
    with pytest.raises(Exception):
        Config(folder, "application.conf").override("repository", hots="mysql")


def test_missing_file_is_an_error(folder):
    with pytest.raises(IOError):
        Config(folder, "absent.conf")
