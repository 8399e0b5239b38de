"""A queue of requests before servers that answer them in batches, simulated.

    seconds of a batch of n = overhead + n * image

Requests come at random times (Poisson). A free server takes those that wait, up to
`max_batch`; if there are fewer, it waits for more, up to `wait` seconds.
"""

import collections
import dataclasses
import math
import random

import simpy


@dataclasses.dataclass(frozen=True)
class Server:
    """What one server does.

    Attributes:
        overhead: Seconds of a batch, however small.
        image: Seconds more for each request of a batch.
        max_batch: The most requests of a batch.
        wait: Seconds that an unfilled batch waits for more.
        spread: The standard deviation of the logarithm of a batch's seconds
            about that of their median (log-normal); 0 for no variation.
        exponential: Whether times of service vary as those of a Markov chain,
            not as measured ones: to hold the simulation against the theory.
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
        """Requests a second when every batch is full."""
        return self.max_batch / (self.overhead + self.max_batch * self.image)


@dataclasses.dataclass
class Outcome:
    """What was seen: seconds from arrival to answer, queue at arrivals, batches."""

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
        """Put a request into the queue and return the event of its answer."""
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
            if not batch:  # another server took them meanwhile
                continue
            self.outcome.batches.append(count)
            yield self.environment.timeout(self.server.seconds(count, self.rng))
            for begun, answer in batch:
                self.outcome.seconds.append(self.environment.now - begun)
                answer.succeed()

    def fill(self):
        """Wait until a batch is full, or its first request waited long enough."""
        deadline = self.environment.timeout(
            max(0.0, self.queue[0][0] + self.server.wait - self.environment.now)
        )
        while 0 < len(self.queue) < self.server.max_batch and not deadline.processed:
            yield self.arrived | deadline


def open_queue(server, replicas, rate, requests, seed=0):
    """Simulate requests that come at random, `rate` a second, whatever the queue."""
    station = Station(server, replicas, seed)

    def arrivals():
        for _ in range(requests):
            yield station.environment.timeout(station.rng.expovariate(rate))
            station.ask()

    station.environment.process(arrivals())
    station.environment.run()
    return station.outcome


def closed_queue(server, replicas, clients, requests, think=0.0, seed=0):
    """Simulate clients that each ask again when they have their answer."""
    station = Station(server, replicas, seed)

    def client():
        for _ in range(math.ceil(requests / clients)):
            yield station.ask()
            yield station.environment.timeout(think)

    for _ in range(clients):
        station.environment.process(client())
    station.environment.run()
    return station.outcome
