from secateur.bench.selectors_table import markdown, text

HEAD = {
    "protocol": {
        "of": "weights",
        "epochs": 2,
        "rate": 0.01,
        "batch": 64,
        "augment": False,
        "masks": 100,
        "multipliers": 16,
    },
    "data": {"name": "mnist", "train": 20000, "validation": 1000, "test": 10000},
    "steps": 312,
    "dense": {
        "accuracy": {"trained": 0.99, "retrained": 0.985},
        "weights": 2000,
        "macs": 50000,
        "cycles": 900,
    },
}


def row(seed, selector="l1", pruned=0.5, retrained=0.9, **changes):
    return {
        "selector": selector,
        "granularity": "kernel",
        "ratio": 0.6,
        "seed": seed,
        "undefined": None,
        "accuracy": {"pruned": pruned, "retrained": retrained},
        "weights": 800,
        "macs": 25000,
        "cycles": 500,
        "unfinished": [],
        "settings": {"iterations": 312, "rate": 0.0025, "t": 1},
        "seconds": {"select": 1.0, "retrain": 4.0},
    } | changes


def line(page, name):
    (found,) = (one for one in page.splitlines() if f"| {name} |" in one)
    return found


def test_means_and_spreads_are_those_of_the_seeds():
    rows = [
        row(1, retrained=0.98),
        row(2, retrained=0.97, seconds={"select": 3.0, "retrain": 4.0}),
        row(3, "fpgm"),
    ]
    page = markdown([HEAD, *rows])
    assert line(page, "l1") == (
        "| kernel | 60% | l1 | 40.0% | 50.0% | 500 | 50.00 (50.00-50.00) | 97.50 (97.00-98.00) | "
        "1.50 | 2.00 | 0.50 |"
    )
    assert "| 50.00 | 90.00 | 9.00 | 9.00 | 0.25 |" in line(page, "fpgm")
    assert "means of 3 seeds" in page
    assert "seeds" not in markdown([HEAD, row(1)])


def test_what_is_not_possible_is_a_dash_and_a_reason():
    rows = [row(seed, "bn-scale", undefined="there is no normalisation") for seed in (1, 2)]
    for ratio in (0.6, 0.7):
        rows += [{**one, "ratio": ratio} for one in rows[:2]]
    page = markdown([HEAD, *rows])
    assert "| kernel | 60% | bn-scale |" + " - |" * 8 in page
    assert page.count("- `-` of bn-scale by kernel, 60%, 70%: there is no normalisation.") == 1
    rows += [row(1, name, undefined="too much", ratio=0.9) for name in ("l1", "fpgm")]
    assert "- `-` of l1, fpgm by kernel, 90%: too much." in markdown([HEAD, *rows])


def test_notes_say_the_protocol():
    page = text([HEAD, row(1)])
    assert "Dense: 99.00% of all 10,000 test pictures of mnist (98.50% once it" in page
    assert "2 epochs of 20,000 training pictures, rate 0.01 falling" in page
    assert "1,000 validation pictures" in page
    assert "probabilistic" not in page


def test_notes_say_how_long_the_selector_that_trains_has_trained():
    page = text([HEAD, row(1, "probabilistic"), row(2, "probabilistic", unfinished=["conv2"])])
    assert "312 steps at most, at a rate of 0.0025, on top of the 312 of retraining" in page
    assert "probabilities move every step." in page
    assert "In 1 of its 2 runs some units were left" in page
