"""commlib-py 0.6: dataclasses; publishers and clients connect as they are made."""

from dataclasses import asdict

from commlib.endpoints import TransportType
from commlib.events import Event
from commlib.msg import ActionMessage, DataClass, PubSubMessage, RPCMessage
from commlib.node import Node

ACTION_NAME = "action_uri"


@DataClass
class Pose(PubSubMessage):
    name: str = ""
    x: float = 0.0
    count: int = 0


class Add(RPCMessage):
    @DataClass
    class Request(RPCMessage.Request):
        a: int = 0
        b: int = 0

    @DataClass
    class Response(RPCMessage.Response):
        c: int = 0


class Move(ActionMessage):
    @DataClass
    class Goal(ActionMessage.Goal):
        target: int = 0

    @DataClass
    class Result(ActionMessage.Result):
        reached: int = 0

    @DataClass
    class Feedback(ActionMessage.Feedback):
        at: int = 0


def connection(comm, host, port):
    return comm.ConnectionParameters(host=host, port=port)


def plain(message):
    return message if message is None or isinstance(message, dict) else asdict(message)


def start(endpoint):
    # The others have no `run`: they run.
    if hasattr(endpoint, "run"):
        endpoint.run()


def node(broker, params, name, heartbeat, interval, control):
    # Its interval is fixed.
    return Node(
        node_name=name,
        transport_type=TransportType[broker.upper()],
        connection_params=params,
        heartbeat_thread=heartbeat,
        has_start_rpc=control,
        has_stop_rpc=control,
    )


def send_event(comm, params, uri, name, payload):
    emitter = comm.EventEmitter(conn_params=params)
    emitter.send_event(Event(name, uri, payload=payload))
    return emitter


def patch(broker, comm):
    """Nothing of it needs a patch here."""
