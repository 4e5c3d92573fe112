"""commlib-py as a process of the benchmark: commands come in as JSON lines, one answer goes out for each.

It does what src/worker.ts does, for sequential calls and for events.
"""

import importlib
import json
import math
import os
import sys
import time
from urllib.parse import urlparse

FIRST_ID = 100_000_000
QUIET = 1.0
NAMES = {"rpc": "bench.py.call", "events": "bench.py.events"}

# Libraries print; stdout carries answers only.
out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
os.dup2(2, 1)


class Tally:
    def __init__(self):
        self.reset()

    def reset(self):
        self.seen = set()
        self.duplicates = 0
        self.last = time.monotonic()
        self.cpu = time.process_time()

    def add(self, value):
        if value["id"] in self.seen:
            self.duplicates += 1
        self.seen.add(value["id"])
        self.last = time.monotonic()

    def settle(self, sent):
        asked = time.monotonic()
        while time.monotonic() - max(self.last, asked) < (0.02 if len(self.seen) >= sent else QUIET):
            time.sleep(0.01)
        return {
            "count": len(self.seen),
            "duplicates": self.duplicates,
            "last": self.last * 1000,
            "cpu": (time.process_time() - self.cpu) * 1000,
        }


tally = Tally()
turn = None


def reading(sequence):
    return {
        "id": FIRST_ID + sequence,
        "name": "thermometer in the kitchen, by the door",
        "celsius": 21.512345,
        "ok": True,
        "unit": "degrees celsius",
    }


def library(command):
    url = urlparse(command["url"])
    comm = importlib.import_module(f"commlib.transports.{command['row']['transport']}")
    return comm, comm.ConnectionParameters(host=url.hostname, port=url.port)


def on_request(value):
    tally.add(value)
    return value


def receive(command):
    comm, params = library(command)
    deed = command["row"]["deed"]
    if deed == "rpc":
        endpoint = comm.RPCService(rpc_name=NAMES[deed], on_request=on_request, conn_params=params)
    else:
        endpoint = comm.Subscriber(topic=NAMES[deed], on_message=tally.add, conn_params=params)
    endpoint.run()
    # It does not tell when the broker has confirmed.
    time.sleep(1)
    about = "no validation"
    return {"name": "commlib-py", "semantics": {"class": "best-effort", "about": about}}


def send(command):
    global turn
    comm, params = library(command)
    deed = command["row"]["deed"]
    if deed == "rpc":
        client = comm.RPCClient(rpc_name=NAMES[deed], conn_params=params)
        act = lambda value: (client.call(value, timeout=5) or {}).get("id") == value["id"]
    else:
        client = comm.Publisher(topic=NAMES[deed], conn_params=params)
        act = lambda value: client.publish(value) is None
    client.run()
    time.sleep(1)
    turn = lambda milliseconds: take_turn(act, milliseconds / 1000)


def take_turn(act, seconds):
    latencies = []
    started, cpu = time.monotonic(), time.process_time()
    sent = count = 0
    last = started
    while last - started < seconds:
        begin = last
        done = act(reading(sent))
        sent += 1
        last = time.monotonic()
        if done:
            count += 1
            latencies.append((last - begin) * 1000)
    latencies.sort()
    at = lambda share: latencies[max(0, math.ceil(len(latencies) * share) - 1)] if latencies else None
    return {
        "count": count,
        "sent": sent,
        "elapsed": (last - started) * 1000,
        "latency": at(0.5),
        "p99": at(0.99),
        "p999": at(0.999),
        "started": started * 1000,
        "lost": 0,
        "duplicates": 0,
        "failed": sent - count,
        "cpu": (time.process_time() - cpu) * 1000,
        "brokerCpu": 0,
    }


def obey(command):
    kind = command["type"]
    if kind == "receive":
        return receive(command)
    if kind == "send":
        return send(command)
    if kind == "turn":
        return turn(command["milliseconds"])
    if kind == "reset":
        return tally.reset()
    if kind == "settle":
        return tally.settle(command["sent"])
    os._exit(0)


for line in sys.stdin:
    try:
        answer = {"result": obey(json.loads(line))}
    except Exception as error:
        answer = {"error": repr(error)}
    out.write(json.dumps(answer) + "\n")
os._exit(0)
