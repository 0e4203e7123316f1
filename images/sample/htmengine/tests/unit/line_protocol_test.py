import pytest

from htmengine.line_protocol import parse_line


def test_line():
    assert parse_line("cpu.load-1 0.5 1700000000") == ("cpu.load-1", 0.5, 1700000000)


@pytest.mark.parametrize("line", [
    "", "cpu", "cpu 1", "cpu 1 2 3", "c/pu 1 1700000000", "cpu x 1700000000", "cpu nan 1700000000", "cpu 1 -5", "cpu 1 1e12"])
def test_bad_lines(line):
    with pytest.raises(ValueError):
        parse_line(line)
