"""Makes Python 2.7 know "utf8mb4", the name by which MariaDB calls UTF-8 and SQLAlchemy 0.9 asks for a codec."""

import codecs

codecs.register(lambda name: codecs.lookup("utf8") if name == "utf8mb4" else None)
