import pytest

from benchmarks.queue_model import Server
from benchmarks.queue_model import closed_queue
from benchmarks.queue_model import open_queue


def test_the_mean_time_is_that_of_a_markov_queue():
    # M/M/1: 1 / (mu - lambda).
    server = Server(overhead=0.0, image=0.1, exponential=True)
    outcome = open_queue(server, 1, rate=5, requests=60_000)
    assert outcome.mean == pytest.approx(1 / (10 - 5), rel=0.05)


def test_the_mean_time_is_that_of_a_queue_with_constant_service():
    # M/D/1: s + rho * s / (2 * (1 - rho)).
    outcome = open_queue(Server(0.04, 0.06), 1, rate=7, requests=60_000)
    assert outcome.mean == pytest.approx(0.1 + 0.7 * 0.1 / (2 * 0.3), rel=0.05)


def test_two_servers_share_a_queue():
    # M/M/2 with rho = 0.5: 1 / (mu * (1 - rho ** 2)).
    server = Server(overhead=0.0, image=0.1, exponential=True)
    outcome = open_queue(server, 2, rate=10, requests=60_000)
    assert outcome.mean == pytest.approx(0.1 / 0.75, rel=0.05)


def test_clients_fill_batches_up_to_the_largest():
    outcome = closed_queue(Server(0.01, 0.001, max_batch=4), 1, 8, 400)
    assert max(outcome.batches) == 4
    assert outcome.mean_batch > 3.9
    assert sum(outcome.batches) == len(outcome.seconds) == 400


def test_a_single_request_waits_for_others_up_to_a_limit():
    outcome = closed_queue(Server(0.01, 0.001, max_batch=4, wait=0.002), 1, 1, 10)
    assert outcome.seconds == pytest.approx([0.013] * 10)
    assert outcome.batches == [1] * 10
