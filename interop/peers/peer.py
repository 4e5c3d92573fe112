"""A commlib-py peer that does what a test tells it.

    python peer.py <broker> <host> <port> [--patched]
"""

import importlib
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from channel import Channel

channel = Channel()
broker, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
patched = "--patched" in sys.argv
old = version("commlib-py").startswith("0.6.")

comm = importlib.import_module(f"commlib.transports.{broker}")
family = importlib.import_module("family06" if old else "family011")
confirm = importlib.import_module(f"confirm_{broker}")
confirm.install()
if patched:
    family.patch(broker, comm)
params = family.connection(comm, host, port)

endpoints = []
by_name = {}
gate = threading.Event()


def opened(endpoint, *names, patience=15):
    """Runs it, and comes back when the broker has confirmed what it subscribed to."""
    endpoints.append(endpoint)
    family.start(endpoint)
    if names:
        confirm.wait(names, patience)
    return endpoint


def typed_or_none(message_type, typed):
    return message_type if typed else None


# Topics


def compression(compressed):
    return {"compression": comm.CompressionType.DEFAULT_COMPRESSION} if compressed else {}


def subscribe(topic, typed=False, compressed=False):
    def on_message(message):
        channel.tell(event="message", topic=topic, data=family.plain(message))

    subscriber = comm.Subscriber(
        topic=topic,
        msg_type=typed_or_none(family.Pose, typed),
        on_message=on_message,
        conn_params=params,
        **compression(compressed),
    )
    opened(subscriber, topic)


def psubscribe(topic):
    def on_message(message, where):
        # 0.11 hands over the bytes of Redis.
        where = where.decode() if isinstance(where, bytes) else where
        channel.tell(event="message", topic=where, data=family.plain(message))

    opened(comm.PSubscriber(topic=topic, on_message=on_message, conn_params=params), topic)


def publish(topic, messages, typed=False, compressed=False):
    publisher = comm.Publisher(
        topic=topic, msg_type=typed_or_none(family.Pose, typed), conn_params=params, **compression(compressed)
    )
    opened(publisher)
    for message in messages:
        publisher.publish(family.Pose(**message) if typed else message)


def mpublish(messages):
    publisher = opened(comm.MPublisher(conn_params=params))
    for topic, message in messages:
        publisher.publish(message, topic)


def send_event(uri, name, payload):
    endpoints.append(family.send_event(comm, params, uri, name, payload))


# Calls


def add(request):
    channel.tell(event="request", data=family.plain(request))
    return family.Add.Response(c=request.a + request.b)


def echo(request):
    channel.tell(event="request", data=request)
    return request


def fail(request):
    channel.tell(event="request", data=request)
    raise ValueError("the handler raised this")


def late(request):
    gate.wait(10)
    channel.tell(event="answered")
    return request


def serve(name, what, workers=4, patience=15):
    handler = {"add": add, "echo": echo, "fail": fail, "late": late}[what]
    message_type = typed_or_none(family.Add, what == "add")
    service = comm.RPCService(
        rpc_name=name, msg_type=message_type, on_request=handler, workers=workers, conn_params=params
    )
    opened(service, name, patience=patience)


def serve_many(base, names):
    full = [f"{base}.{name}" for name in names]
    # From 0.13.2 on its thread may die as it connects, since it goes through the services while they are added.
    for _ in range(5):
        server = comm.RPCServer(
            base_uri=base, svc_map={name: (echo, None) for name in names}, conn_params=params
        )
        endpoints.append(server)
        family.start(server)
        if confirm.confirmed(full, timeout=2):
            return
    raise TimeoutError(f"no RPCServer came up: {full}")


def client_of(name, typed):
    return opened(comm.RPCClient(rpc_name=name, msg_type=typed_or_none(family.Add, typed), conn_params=params))


def call_correlated(name, data):
    client = opened(comm.RPCClient(rpc_name=name, use_corr_id=True, conn_params=params))
    return client.call(data, timeout=5)


def call(name, data, typed=False, timeout=5):
    request = family.Add.Request(**data) if typed else data
    return family.plain(client_of(name, typed).call(request, timeout=timeout))


def call_in_turn(name, requests, typed):
    client = client_of(name, typed)
    answers = []
    for request in requests:
        answer = client.call(family.Add.Request(**request) if typed else request, timeout=5)
        answers.append(dict(family.plain(answer)))
    return answers


def call_by_many(name, requests, timeout=15):
    """Each by a client of its own, all at the same time."""
    with ThreadPoolExecutor(len(requests)) as pool:
        clients = list(pool.map(lambda _: client_of(name, True), requests))
        together = threading.Barrier(len(requests))

        def one(client, request):
            together.wait()
            return family.plain(client.call(family.Add.Request(**request), timeout=timeout))

        return list(pool.map(one, clients, requests))


def call_by_one(name, requests, timeout=5):
    """All at the same time, by one client."""
    client = client_of(name, False)
    futures = [client.call_async(request, timeout=timeout) for request in requests]
    return [future.result(timeout + 1) for future in futures]


# Actions


def count(goal):
    """Counts to its target, and waits at every step for who lets it go on."""
    at = 0
    while at < goal.data.target and not goal.cancel_event.is_set():
        at += 1
        goal.send_feedback(family.Move.Feedback(at=at))
        gate.wait(10)
    return family.Move.Result(reached=at)


def until_canceled(goal):
    channel.tell(event="goal", data=family.plain(goal.data), id=goal.id)
    goal.send_feedback(family.Move.Feedback(at=1))
    canceled = goal.cancel_event.wait(10) if not gate.is_set() else False
    channel.tell(event="ended", canceled=canceled)
    return family.Move.Result(reached=1)


def fall(goal):
    channel.tell(event="goal", data=family.plain(goal.data), id=goal.id)
    gate.wait(10)
    raise ValueError("the goal's handler raised this")


def serve_action(name, what):
    handler = {"count": count, "until_canceled": until_canceled, "fall": fall}[what]
    service = comm.ActionService(
        **{family.ACTION_NAME: name}, msg_type=family.Move, on_goal=handler, conn_params=params
    )
    opened(service, f"{name}.send_goal", f"{name}.cancel_goal", f"{name}.get_result")


def go():
    gate.set()


def action_client(name):
    def on_feedback(feedback):
        channel.tell(event="feedback", data=family.plain(feedback))

    def on_result(result):
        channel.tell(event="result", data=family.plain(result))

    def on_goal_reached(result):
        channel.tell(event="reached", data=family.plain(result))

    client = comm.ActionClient(
        **{family.ACTION_NAME: name},
        msg_type=family.Move,
        on_feedback=on_feedback,
        on_result=on_result,
        on_goal_reached=on_goal_reached,
        conn_params=params,
    )
    by_name[name] = opened(client, f"{name}.status", f"{name}.feedback")


def send_goal(name, goal):
    return family.plain(by_name[name].send_goal(family.Move.Goal(**goal), timeout=5))


def get_result(name):
    return family.plain(by_name[name].get_result(timeout=5, wait=True, wait_max_sec=10))


def cancel_goal(name):
    return family.plain(by_name[name].cancel_goal(timeout=5))


# Nodes


def push(name, text):
    import redis

    redis.Redis(host, port).rpush(name, text)


def lists():
    import redis

    return [key.decode() for key in redis.Redis(host, port).scan_iter("rpc-*", _type="list")]


def node(name, heartbeat=False, interval=0.1, control=False, service=None):
    made = family.node(broker, params, name, heartbeat, interval, control)
    by_name[name] = made
    if service is not None:
        made.create_rpc(rpc_name=service, msg_type=None, on_request=echo)
    family.start(made)
    confirm.wait([f"{name}.{verb}" for verb in ("start", "stop") if control] + ([service] if service else []))


def stopped(name):
    """Comes back when the node's services have ended."""
    for service in by_name[name].input_ports["rpc_service"]:
        service._main_thread.join()


def has(what):
    return hasattr(comm, what)


COMMANDS = {
    each.__name__: each
    for each in (
        subscribe, psubscribe, publish, mpublish, send_event, serve, serve_many, call, call_correlated, call_in_turn, call_by_many, call_by_one,
        serve_action, go, action_client, send_goal, get_result, cancel_goal, push, lists, node, stopped, has,
    )
}  # fmt: skip


def carry_out(command):
    number, name = command.pop("id"), command.pop("do")
    try:
        channel.tell(id=number, value=COMMANDS[name](**command))
    except Exception as error:
        channel.tell(id=number, error={"type": type(error).__name__, "message": str(error)})


channel.tell(event="ready", version=version("commlib-py"))
for command in channel.commands():
    # One may wait for what another does.
    threading.Thread(target=carry_out, args=(command,), daemon=True).start()

# The test is over, or gone; what commlib-py has running would keep the process.
os._exit(0)
