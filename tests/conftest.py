import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--at-length",
        action="store_true",
        help="simulate hundreds of random networks, new ones each time, and not the same few",
    )


@pytest.fixture(scope="session")
def at_length(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--at-length"))
