"""Files that are complete or not there, whenever the process that writes them is killed."""

import os
from pathlib import Path


def write_whole(path: str | os.PathLike, data: bytes | str) -> None:
    """Write a file, complete or not at all; a string as UTF-8.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data.encode() if isinstance(data, str) else data)
    temporary.replace(path)
