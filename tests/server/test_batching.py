import asyncio
import gc
import threading
import weakref

import numpy as np
import pytest

from keras_resattn_server.running.batching import BatchScheduler
from keras_resattn_server.running.batching_parameters import BatchingParameters
from keras_resattn_server.running.limits import QueueFullError
from keras_resattn_server.running.metrics import ServerMetrics
from keras_resattn_server.wire.status import ServingError

HOUR = 3600 * 10**6  # microseconds: no batch is run but a full one


class Doubler:
    """Doubles its input and notes each batch; waits where it is told to."""

    def __init__(self):
        self.batches = []
        self.running = threading.Event()
        self.proceed = threading.Event()
        self.proceed.set()

    def run(self, signature_name, arrays):
        self.running.set()
        assert self.proceed.wait(30)
        self.batches.append(arrays["x"].tolist())
        if signature_name == "scalar":
            return {"y": arrays["x"].sum()}
        if np.any(arrays["x"] < 0):
            raise ServingError("negative")
        return {"y": arrays["x"] * 2}


@pytest.fixture
def schedulers():
    """Makes schedulers and closes them."""
    made = []

    def make(**parameters):
        parameters.setdefault("num_batch_threads", 1)
        made.append(BatchScheduler(BatchingParameters(**parameters)))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.close()


def rows(*values):
    return {"x": np.array(values, "float32")}


def results(futures):
    return [future.result(30)["y"].tolist() for (future,) in futures]


def occupy(scheduler, servable):
    """Makes the one thread wait inside a batch of its own."""
    servable.proceed.clear()
    futures = scheduler.submit(servable, "", rows(0))
    assert servable.running.wait(30)
    return futures


def test_requests_that_wait_together_run_in_one_batch(schedulers):
    scheduler, servable = schedulers(max_batch_size=4), Doubler()
    first = occupy(scheduler, servable)
    futures = [scheduler.submit(servable, "", rows(*x)) for x in [(1, 2), (3,), (4, 5)]]
    servable.proceed.set()
    assert results([first, *futures]) == [[0], [2, 4], [6], [8, 10]]
    assert servable.batches == [[0], [1, 2, 3], [4, 5]]


def test_a_full_batch_does_not_wait_for_its_time(schedulers):
    scheduler = schedulers(max_batch_size=2, batch_timeout_micros=HOUR)
    servable = Doubler()
    futures = [scheduler.submit(servable, "", rows(x)) for x in (1, 2)]
    assert results(futures) == [[2], [4]]
    assert servable.batches == [[1, 2]]


def test_an_unfilled_batch_runs_after_its_time(schedulers):
    scheduler, servable = schedulers(batch_timeout_micros=1000), Doubler()
    assert results([scheduler.submit(servable, "", rows(1))]) == [[2]]


def test_what_waits_is_run_when_the_scheduler_closes(schedulers):
    scheduler, servable = schedulers(batch_timeout_micros=HOUR), Doubler()
    futures = [scheduler.submit(servable, "", rows(x)) for x in (1, 2)]
    scheduler.close()
    assert results(futures) == [[2], [4]]
    with pytest.raises(ServingError, match="shutting down") as caught:
        scheduler.submit(servable, "", rows(1))
    assert caught.value.code == "UNAVAILABLE"


def test_servables_and_signatures_are_not_mixed(schedulers):
    scheduler = schedulers(max_batch_size=10)
    busy, first, second = Doubler(), Doubler(), Doubler()
    occupied = occupy(scheduler, busy)
    futures = [
        scheduler.submit(first, "", rows(1)),
        scheduler.submit(second, "", rows(2)),
        scheduler.submit(first, "other", rows(3)),
        scheduler.submit(first, "", rows(4)),
    ]
    busy.proceed.set()
    assert results([occupied, *futures]) == [[0], [2], [4], [6], [8]]
    assert first.batches == [[1, 4], [3]]
    assert second.batches == [[2]]


def test_signatures_take_turns(schedulers):
    scheduler, servable = (
        schedulers(max_batch_size=1, max_enqueued_batches=3),
        Doubler(),
    )
    occupied = occupy(scheduler, servable)
    many = [scheduler.submit(servable, "many", rows(x)) for x in (1, 2, 3)]
    one = scheduler.submit(servable, "one", rows(9))
    servable.proceed.set()
    results([occupied, *many, one])
    assert servable.batches == [[0], [1], [9], [2], [3]]


def test_one_bad_request_does_not_fail_its_neighbours(schedulers):
    scheduler, servable = schedulers(max_batch_size=8), Doubler()
    occupied = occupy(scheduler, servable)
    futures = [scheduler.submit(servable, "", rows(x)) for x in (1, -1, 2)]
    servable.proceed.set()
    assert results([occupied, futures[0], futures[2]]) == [[0], [2], [4]]
    with pytest.raises(ServingError, match="negative"):
        results([futures[1]])


def test_an_output_that_is_no_batch_is_computed_for_each_request(schedulers):
    scheduler, servable = schedulers(max_batch_size=8), Doubler()
    occupied = occupy(scheduler, servable)
    futures = [scheduler.submit(servable, "scalar", rows(x, x)) for x in (1, 2)]
    servable.proceed.set()
    assert results([occupied, *futures]) == [[0], 2, 4]


def test_unlike_shapes_run_apart_unless_they_are_padded(schedulers):
    short, long = {"x": np.ones((1, 2))}, {"x": np.full((1, 3), 2.0)}
    for pad, batches in [
        (False, [[[1, 1]], [[2, 2, 2]]]),
        (True, [[[1, 1, 1], [2, 2, 2]]]),
    ]:
        servable = Doubler()
        scheduler = schedulers(max_batch_size=8, pad_variable_length_inputs=pad)
        occupied = occupy(scheduler, servable)
        futures = [scheduler.submit(servable, "", arrays) for arrays in (short, long)]
        servable.proceed.set()
        results([occupied, *futures])
        assert servable.batches[1:] == batches


def test_a_batch_is_padded_to_an_allowed_size_and_the_padding_is_cut_off(schedulers):
    scheduler = schedulers(max_batch_size=4, allowed_batch_sizes=(1, 4))
    servable = Doubler()
    occupied = occupy(scheduler, servable)
    futures = [scheduler.submit(servable, "", rows(x)) for x in (1, 2)]
    servable.proceed.set()
    assert results([occupied, *futures]) == [[0], [2], [4]]
    assert servable.batches[1:] == [[1, 2, 2, 2]]


def test_a_request_larger_than_the_largest_batch_is_refused(schedulers):
    with pytest.raises(ServingError) as caught:
        schedulers(max_batch_size=2).submit(Doubler(), "", rows(1, 2, 3))
    message = "Task size 3 is larger than maximum input batch size 2"
    assert (caught.value.message, caught.value.code) == (message, "INVALID_ARGUMENT")


def test_a_large_request_is_divided_where_that_is_enabled(schedulers):
    scheduler = schedulers(
        max_batch_size=9, max_execution_batch_size=3, enable_large_batch_splitting=True
    )
    servable = Doubler()
    occupied = occupy(scheduler, servable)
    small = scheduler.submit(servable, "", rows(1))
    large = asyncio.run(
        run_while(servable, scheduler.run(servable, "", rows(*range(8))))
    )
    assert large["y"].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert results([occupied, small]) == [[0], [2]]
    assert servable.batches == [[0], [1, 0, 1], [2, 3, 4], [5, 6, 7]]


async def run_while(servable, coroutine):
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    servable.proceed.set()
    return await task


def test_a_full_queue_refuses_and_keeps_what_it_has(schedulers):
    scheduler = schedulers(max_batch_size=2, max_enqueued_batches=2)
    servable = Doubler()
    occupied = occupy(scheduler, servable)
    futures = [scheduler.submit(servable, "", rows(x, x)) for x in (1, 2)]
    with pytest.raises(QueueFullError) as caught:
        scheduler.submit(servable, "", rows(3))
    assert caught.value.message == (
        "The batch scheduling queue to which this task was submitted is full;"
        " currently 2 batches enqueued and max_enqueued_batches is 2"
    )
    assert (caught.value.code, caught.value.http_status) == ("UNAVAILABLE", 429)
    servable.proceed.set()
    assert results([occupied, *futures]) == [[0], [2, 2], [4, 4]]


def test_a_large_request_that_does_not_fit_whole_leaves_no_part(schedulers):
    scheduler = schedulers(
        max_batch_size=8,
        max_execution_batch_size=2,
        max_enqueued_batches=2,
        enable_large_batch_splitting=True,
    )
    servable = Doubler()
    occupied = occupy(scheduler, servable)
    with pytest.raises(QueueFullError):
        scheduler.submit(servable, "", rows(1, 2, 3, 4, 5))
    servable.proceed.set()
    results([occupied])
    scheduler.close()
    assert servable.batches == [[0]]


def test_a_request_that_is_given_up_leaves_its_place_to_another(schedulers):
    scheduler = schedulers(max_batch_size=1, max_enqueued_batches=1)
    servable = Doubler()
    occupied = occupy(scheduler, servable)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(scheduler.run(servable, "", rows(1)), 0.01))
    other = scheduler.submit(servable, "", rows(2))
    servable.proceed.set()
    assert results([occupied, other]) == [[0], [4]]
    assert servable.batches == [[0], [2]]


@pytest.mark.parametrize("value", [1, -1])
def test_a_servable_and_its_arrays_are_let_go_after_its_last_batch(schedulers, value):
    scheduler, servable, arrays = schedulers(), Doubler(), rows(value)
    (future,) = scheduler.submit(servable, "", arrays)
    future.exception(30)
    results([scheduler.submit(Doubler(), "", rows(1))])  # the thread is back by then
    kept = [weakref.ref(servable), weakref.ref(arrays["x"])]
    gc.disable()  # what only a collection could find, could pile up before it
    try:
        del servable, arrays, future
        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({}, "must have at least one input tensor"),
        ({"x": np.float32(1)}, "must have at least one dimension"),
        ({"x": np.zeros(2), "z": np.zeros(3)}, "must have equal 0th-dimension size"),
    ],
)
def test_arrays_without_common_rows_are_refused(schedulers, arrays, message):
    with pytest.raises(ServingError, match=message):
        schedulers().submit(Doubler(), "", arrays)


def test_many_threads_give_each_request_its_own_answer(schedulers):
    scheduler = schedulers(
        max_batch_size=8,
        num_batch_threads=4,
        max_enqueued_batches=1000,
        batch_timeout_micros=100,
    )
    servable = Doubler()

    async def ask():
        requests = (scheduler.run(servable, "", rows(x, x + 0.5)) for x in range(500))
        return await asyncio.gather(*requests)

    answers = asyncio.run(ask())
    assert [answer["y"].tolist() for answer in answers] == [
        [2 * x, 2 * x + 1] for x in range(500)
    ]
    assert max(map(len, servable.batches)) > 2


def test_batches_are_counted():
    metrics, servable = ServerMetrics(), Doubler()
    parameters = BatchingParameters(
        max_batch_size=4, allowed_batch_sizes=(4,), num_batch_threads=1
    )
    scheduler = BatchScheduler(parameters, metrics)
    results([scheduler.submit(servable, "", rows(1, 2, 3))])
    scheduler.close()
    text = metrics.text()
    prefix = ":tensorflow:serving:batching_session:"
    assert f"{prefix}wrapped_run_count 1.0\n" in text
    assert f"{prefix}input_batch_size_sum 3.0\n" in text
    assert f"{prefix}processed_batch_size_sum 4.0\n" in text
    assert f'{prefix}padding_size_sum{{execution_batch_size="4"}} 1.0\n' in text
    assert (
        f'{prefix}queuing_latency_count{{thread_pool_name="batch_threads"}} 1.0' in text
    )
