"""The log of a training: a CSV file with a row for every epoch."""

import csv
import io
from pathlib import Path

from hw.whole_file import write_whole

COLUMNS = ("step", "epoch", "loss", "validation_errors")
Row = tuple[int, int, float, int]


class TrainingLog:
    """Writes a row for every epoch: call it with step, epoch, loss and validation errors.

    The file is complete after every call. Steps are prunings that came before, 0 for a dense model;
    losses are those of an epoch's last batch.

    Parameters
    ----------
    path : path
        A CSV file with the columns of `COLUMNS`.
    goes_on : bool
        Whether the training that the file is of goes on. Epochs that are told again replace their
        rows. Else, what is there is removed.
    """

    def __init__(self, path: Path, goes_on: bool = False) -> None:
        self.path = path
        if not goes_on:
            path.unlink(missing_ok=True)
        self._rows = {row[:2]: row for row in read_rows(path)}

    def __call__(self, step: int, epoch: int, loss: float, errors: int) -> None:
        """Write a row."""
        self._rows[step, epoch] = (step, epoch, loss, errors)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([COLUMNS, *self._rows.values()])
        write_whole(self.path, text.getvalue())


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a log; none if it is not there.

    Raises
    ------
    ValueError
        If it is not such a file, which is named.
    """
    if not path.is_file():
        return []
    head, *rows = [*csv.reader(io.StringIO(path.read_text(encoding="utf-8")))] or [[]]
    try:
        if tuple(head) != COLUMNS:
            raise ValueError(f"columns must be {', '.join(COLUMNS)}, not {', '.join(head)}")
        return [(int(a), int(b), float(c), int(d)) for a, b, c, d in rows]
    except ValueError as error:
        raise ValueError(f"{path}: not a log of training: {error}") from error
