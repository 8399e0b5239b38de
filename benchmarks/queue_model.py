"""Simulate a queue of requests and servers that answer them in batches.

    seconds of a batch of n = overhead + n * image

Requests arrive at random times (Poisson). A free server takes up to `max_batch` waiting
requests. If there are fewer, it waits up to `wait` seconds for more.
"""

import collections
import dataclasses
import math
import random

import simpy


@dataclasses.dataclass(frozen=True)
class Server:
    """The properties of one server.

    Attributes:
        overhead: Seconds of a batch that do not depend on its size.
        image: Additional seconds for each request of a batch.
        max_batch: The largest number of requests in a batch.
        wait: Seconds that a batch which is not full waits for more requests.
        spread: The standard deviation of the logarithm of a batch's seconds
            (log-normal distribution); 0 for no variation.
        exponential: Whether service times are exponentially distributed, to compare
            the simulation with queueing theory.
    """

    overhead: float
    image: float
    max_batch: int = 1
    wait: float = 0.0
    spread: float = 0.0
    exponential: bool = False

    def seconds(self, count, rng):
        mean = self.overhead + count * self.image
        if self.exponential:
            return rng.expovariate(1 / mean)
        return mean * rng.lognormvariate(0, self.spread) if self.spread else mean

    @property
    def capacity(self):
        """Requests per second when every batch is full."""
        return self.max_batch / (self.overhead + self.max_batch * self.image)


@dataclasses.dataclass
class Outcome:
    """The result of a simulation.

    Attributes:
        seconds: The time from arrival to answer, for each request.
        queue: The length of the queue at each arrival.
        batches: The size of each batch.
    """

    seconds: list
    queue: list
    batches: list

    def quantile(self, q):
        ordered = sorted(self.seconds)
        return ordered[math.ceil(q * len(ordered)) - 1]

    @property
    def mean(self):
        return sum(self.seconds) / len(self.seconds)

    @property
    def mean_queue(self):
        return sum(self.queue) / len(self.queue)

    @property
    def mean_batch(self):
        return sum(self.batches) / len(self.batches)


class Station:
    """Servers that share one queue."""

    def __init__(self, server, replicas, seed):
        self.environment = simpy.Environment()
        self.server, self.rng = server, random.Random(seed)
        self.queue = collections.deque()
        self.arrived = self.environment.event()
        self.outcome = Outcome([], [], [])
        for _ in range(replicas):
            self.environment.process(self.serve())

    def ask(self):
        """Add a request to the queue and return the event of its answer."""
        self.outcome.queue.append(len(self.queue))
        answer = self.environment.event()
        self.queue.append((self.environment.now, answer))
        self.arrived.succeed()
        self.arrived = self.environment.event()
        return answer

    def serve(self):
        while True:
            while not self.queue:
                yield self.arrived
            yield from self.fill()
            count = min(len(self.queue), self.server.max_batch)
            batch = [self.queue.popleft() for _ in range(count)]
            if not batch:  # another server has taken the requests
                continue
            self.outcome.batches.append(count)
            yield self.environment.timeout(self.server.seconds(count, self.rng))
            for begun, answer in batch:
                self.outcome.seconds.append(self.environment.now - begun)
                answer.succeed()

    def fill(self):
        """Wait until a batch is full or its first request has waited `wait` seconds."""
        deadline = self.environment.timeout(
            max(0.0, self.queue[0][0] + self.server.wait - self.environment.now)
        )
        while 0 < len(self.queue) < self.server.max_batch and not deadline.processed:
            yield self.arrived | deadline


def open_queue(server, replicas, rate, requests, seed=0):
    """Simulate requests that arrive at random, on average `rate` per second."""
    station = Station(server, replicas, seed)

    def arrivals():
        for _ in range(requests):
            yield station.environment.timeout(station.rng.expovariate(rate))
            station.ask()

    station.environment.process(arrivals())
    station.environment.run()
    return station.outcome


def closed_queue(server, replicas, clients, requests, think=0.0, seed=0):
    """Simulate clients that send the next request when they have an answer."""
    station = Station(server, replicas, seed)

    def client():
        for _ in range(math.ceil(requests / clients)):
            yield station.ask()
            yield station.environment.timeout(think)

    for _ in range(clients):
        station.environment.process(client())
    station.environment.run()
    return station.outcome
