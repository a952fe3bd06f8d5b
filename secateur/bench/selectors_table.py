"""The benchmark of selectors as a table: mean and spread over the seeds of each."""

from collections.abc import Callable, Sequence
from typing import Any

from secateur import table

_HEAD = (
    "cut",
    "goes",
    "selector",
    "weights left",
    "MACs left",
    "cycles",
    "pruned",
    "retrained",
    "drop",
    "worst",
    "time",
)


def text(rows: Sequence[dict[str, Any]]) -> str:
    """Head and rows, for a person at a terminal."""
    head, *rest = rows
    return table.with_notes(_HEAD, _lines(head, rest), _notes(head, rest))


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Head and rows, for a page."""
    head, *rest = rows
    lines, notes = _lines(head, rest), _notes(head, rest)
    return table.markdown(_HEAD, lines, notes, names=(0, 2))


def _lines(head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    return [_cells(head["dense"], seeds) for seeds in _groups(rows).values()]


def _groups(rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Rows that differ in nothing but the seed."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["granularity"], row["ratio"], row["selector"]), []).append(row)
    return found


def _cells(dense: dict[str, Any], seeds: Sequence[dict[str, Any]]) -> list[str]:
    """One line: what all seeds have in common, and means over them."""
    first = seeds[0]
    names = [first["granularity"], f"{first['ratio']:.0%}", first["selector"]]
    if first["undefined"]:
        return [*names, *["-"] * (len(_HEAD) - len(names))]

    def mean(value: Callable[[dict[str, Any]], float]) -> float:
        return sum(map(value, seeds)) / len(seeds)

    def percent(when: str) -> str:
        found = sorted(100 * row["accuracy"][when] for row in seeds)
        middle = f"{sum(found) / len(found):.2f}"
        return middle if len(found) == 1 else f"{middle} ({found[0]:.2f}-{found[-1]:.2f})"

    def drop(accuracy: float) -> str:
        return f"{100 * (dense['accuracy']['trained'] - accuracy):.2f}"

    return [
        *names,
        f"{mean(lambda row: row['weights'] / dense['weights']):.1%}",
        f"{mean(lambda row: row['macs'] / dense['macs']):.1%}",
        f"{mean(lambda row: row['cycles']):,.0f}",
        percent("pruned"),
        percent("retrained"),
        drop(mean(lambda row: row["accuracy"]["retrained"])),
        drop(min(row["accuracy"]["retrained"] for row in seeds)),
        f"{mean(lambda row: row['seconds']['select'] / row['seconds']['retrain']):.2f}",
    ]


def _notes(head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences below the table."""
    notes = [
        _dense(head),
        _goes(head["protocol"]["of"]),
        _accuracy(len({row["seed"] for row in rows})),
        _retraining(head),
        "Time: CPU time of selection, as a multiple of that of retraining.",
    ]
    return [*notes, *_probabilistic(head, rows), *_undefined(rows)]


def _dense(head: dict[str, Any]) -> str:
    dense, data = head["dense"], head["data"]
    trained, retrained = (dense["accuracy"][when] for when in ("trained", "retrained"))
    return (
        f"Dense: {trained:.2%} of all {data['test']:,} test pictures of {data['name']} "
        f"({retrained:.2%} once it is retrained as the others are), {dense['weights']:,} weights "
        f"of convolutions, {dense['macs']:,} MACs, {dense['cycles']:,} cycles a frame on at most "
        f"{head['protocol']['multipliers']} multipliers."
    )


def _goes(of: str) -> str:
    what = {"weights": "weights of convolutions", "macs": "MACs"}[of]
    return (
        f"Goes: part of the {what}, at least. Every convolution gives the same share, but those "
        "that read the picture; linear layers keep their maps."
    )


def _accuracy(seeds: int) -> str:
    spread = f"; means of {seeds} seeds, in brackets the least and the most" if seeds > 1 else ""
    return (
        "Pruned, retrained: accuracy on the test pictures in percent right after pruning, and "
        f"after the last epoch of retraining{spread}. Drop: points by which that is below the "
        "dense model; worst: by which the least is."
    )


def _retraining(head: dict[str, Any]) -> str:
    asked, data = head["protocol"], head["data"]
    epochs = f"{asked['epochs']} epoch" + "s" * (asked["epochs"] > 1)
    augmented = ", shifted and mirrored" if asked["augment"] else ""
    return (
        f"Retraining, the same for all: {epochs} of {data['train']:,} training pictures"
        f"{augmented}, rate {asked['rate']:g} falling along half a cosine, batches of "
        f"{asked['batch']}. Masks are judged by {data['validation']:,} validation pictures; a "
        f"selector that searches scores {asked['masks']} masks at most."
    )


def _probabilistic(head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about the selector that trains."""
    rows = [row for row in rows if row["selector"] == "probabilistic" and not row["undefined"]]
    if not rows:
        return []
    settings = rows[0]["settings"]
    period = "step" if settings["t"] == 1 else f"{settings['t']} steps"
    note = (
        f"`probabilistic` trains while it prunes: {settings['iterations']:,} steps at most, at a "
        f"rate of {settings['rate']:g}, on top of the {head['steps']:,} of retraining that all "
        f"have. Its probabilities move every {period}."
    )
    if early := sum(bool(row["unfinished"]) for row in rows):
        note += f" In {early} of its {len(rows)} runs some units were left, and went by rank."
    return [note]


def _undefined(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about what is not possible, each once."""
    ratios: dict[tuple[str, str, str], list[str]] = {}
    for row in filter(lambda row: row["undefined"], rows):
        found = ratios.setdefault((row["undefined"], row["granularity"], row["selector"]), [])
        if f"{row['ratio']:.0%}" not in found:
            found.append(f"{row['ratio']:.0%}")
    selectors: dict[tuple[str, str, str], list[str]] = {}
    for (why, granularity, selector), found in ratios.items():
        selectors.setdefault((why, granularity, ", ".join(found)), []).append(selector)
    return [
        f"`-` of {', '.join(names)} by {granularity}, {found}: {why}."
        for (why, granularity, found), names in selectors.items()
    ]
