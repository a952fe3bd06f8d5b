"""Progress on stderr: a live line on a terminal, a line a step elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

LINE_EVERY = 15.0
WIDTH = 100


class Progress:
    """Says which step runs and how far it is.

    A step is a ``with progress.step("train"):`` block; inside it `update` and `note` say more, from
    any thread.

    Parameters
    ----------
    quiet : bool
        Say nothing.
    stream : file, optional
        Where to say it. Default: stderr.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.stream = stream or sys.stderr
        self._bar = None
        self._task = None
        self._title = ""
        self._note = ""
        self._spoke = 0.0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and its time when it ends without an error."""
        self._title, self._note = title, ""
        start = self._spoke = time.monotonic()
        with self._live():
            yield
        self._say(f"{title:<12} {time.monotonic() - start:6.1f} s  {self._note}".rstrip())

    @contextlib.contextmanager
    def _live(self) -> Iterator[None]:
        if self.quiet or not self.stream.isatty():
            yield
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Bar(*columns, console=Console(file=self.stream), transient=True) as bar:
            self._bar, self._task = bar, bar.add_task(self._title, total=None, note="")
            try:
                yield
            finally:
                self._bar = self._task = None

    def update(self, stage: str, done: int, total: int, message: str) -> None:
        """Say how far a step is; the callback of the pruning half."""
        note = f"{stage} {done}/{total}  {message}" if message else f"{stage} {done}/{total}"
        self.note(note, done, total)

    def note(self, text: str, done: int | None = None, total: int | None = None) -> None:
        """Say what a step does; the last note stays on its line."""
        self._note = text
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, note=text, completed=done, total=total)
        elif time.monotonic() - self._spoke > LINE_EVERY:
            self._say(f"{self._title:<12}    ...    {text}")

    def _say(self, line: str) -> None:
        if self.quiet:
            return
        with self._lock:
            self._spoke = time.monotonic()
            print(line[:WIDTH], file=self.stream, flush=True)
