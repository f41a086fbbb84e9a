"""A house for each file of tests here, and two Odoo processes for each test."""

import pytest

from .house import House


@pytest.fixture(scope="module")
def house():
    with House() as house:
        yield house


@pytest.fixture
def worker(house):
    worker = house.worker()
    yield worker
    worker.close()


@pytest.fixture
def other(house):
    other = house.worker()
    yield other
    other.close()
