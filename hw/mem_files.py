"""Memory files: the contents of large memories beside the Verilog, read by ``$readmemh``."""

import hashlib
import re
import shutil
from pathlib import Path

_MODULE = re.compile(r"module \\?([^\s(]+)")
_WORD = re.compile(r"    (\S+) ?\[(\d+)\] = (\d+)'([hd])([0-9a-f]+);\n?")
_READ = re.compile(r'\$readmemh\("([^"/\\]+)"')
_BASES = {"h": 16, "d": 10}


def split(text: str, most_words: int) -> tuple[str, dict[str, str]]:
    """Move the contents of large memories out of emitted Verilog.

    Parameters
    ----------
    text : str
        Verilog as Amaranth's Yosys writes it: the contents of a memory are an ``initial`` block of
        its own.
    most_words : int
        Memories of so many words stay, and so do those whose words are all alike.

    Returns
    -------
    str, dict of str to str
        The Verilog, and for each name of a file its content: a word a line, in hexadecimal. A file
        is called as the module in which its memory is, less ``accelerator``, and the memory.
    """
    files: dict[str, str] = {}
    lines, kept, module = text.splitlines(keepends=True), [], ""
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        kept.append(line)
        if found := _MODULE.match(line):
            module = found[1]
        if line != "  initial begin\n":
            continue
        words = []
        while found := _WORD.fullmatch(lines[at + len(words)]):
            words.append(found)
        values = [int(word[5], _BASES[word[4]]) for word in words]
        if len(words) <= most_words or len(set(values)) == 1:
            continue
        assert [int(word[2]) for word in words] == list(range(len(words)))
        memory = words[0][1]
        top, _, *path = module.split(".")
        name = ".".join((top, *path, memory.removeprefix("\\"), "mem"))
        digits = -(-int(words[0][3]) // 4)
        files[name] = "".join(f"{value:0{digits}x}\n" for value in values)
        kept.append(f'    $readmemh("{name}", {memory} );\n')
        at += len(words)
    return "".join(kept), files


def files_of(verilog: Path) -> list[Path]:
    """Files that a Verilog file reads the contents of its memories from; they lie beside it."""
    names = _READ.findall(verilog.read_text(encoding="utf-8"))
    return [verilog.with_name(name) for name in names]


def copy(verilog: Path, folder: Path) -> None:
    """Copy what a Verilog file reads to a folder, in which a tool is to run."""
    for path in files_of(verilog):
        shutil.copyfile(path, folder / path.name)


def design_hash(verilog: Path) -> str:
    """SHA-256, in hexadecimal, of a Verilog file and what it reads; of the file, if that is all."""
    digest = hashlib.sha256(verilog.read_bytes())
    for path in files_of(verilog):
        digest.update(path.read_bytes())
    return digest.hexdigest()
