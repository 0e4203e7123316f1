"""The plaintext protocol: one sample a line, `name value unixtime`."""

import math
import re

NAME = re.compile(r"^[\w.\-]{1,255}$")


def parse_line(line):
    """Returns (name, value, unix time). Raises ValueError that says what is wrong with the line."""
    parts = line.split()
    if len(parts) != 3:
        raise ValueError("not `name value unixtime`")
    if not NAME.match(parts[0]):
        raise ValueError("bad name")
    value, unix_time = float(parts[1]), int(float(parts[2]))
    if math.isnan(value) or math.isinf(value):
        raise ValueError("value is no number")
    if not 0 < unix_time < 2 ** 31:
        raise ValueError("time is no unix time in seconds")
    return parts[0], value, unix_time
