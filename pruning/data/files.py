"""Files of a publisher: found in a folder that the user names, and checked."""

import gzip
import hashlib
import os
import zlib
from pathlib import Path

MAX_BYTES = 1 << 28


def read_checked(
    data_set: str, folder: str | os.PathLike | None, subfolder: str, name: str, md5: str
) -> bytes:
    """Read one official file, plain or compressed with gzip.

    Parameters
    ----------
    data_set : str
        Name of the data set, for messages.
    folder : path or None
        Where the user keeps the data set.
    subfolder : str
        Where in `folder` the publisher's archive puts the file; `folder` itself is tried, too.
    name : str
        Name of the file; ``name.gz`` is tried, too.
    md5 : str
        Published digest of the uncompressed file, in hexadecimal.

    Raises
    ------
    FileNotFoundError
        If no such file is there.
    ValueError
        If no folder was named, or the file is not the published one.
    """
    if folder is None:
        raise ValueError(f"data set {data_set!r} must have a folder, not None")
    places = (Path(folder) / subfolder, Path(folder))
    files = (place / file for place in places for file in (name, f"{name}.gz"))
    path = next((file for file in files if file.is_file()), None)
    if path is None:
        where = " nor in ".join(f"'{place}'" for place in places)
        raise FileNotFoundError(
            f"data set {data_set!r}: file {name!r} (or {name}.gz) is neither in {where}"
        )
    found = hashlib.md5(data := _read(path), usedforsecurity=False).hexdigest()
    if found != md5:
        raise ValueError(f"{path}: md5 of the data must be {md5}, not {found}")
    return data


def _read(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(MAX_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file: {error}") from error
