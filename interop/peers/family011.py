"""commlib-py from 0.11 on: pydantic; nothing but a subscription connects before `run`."""

from commlib.msg import ActionMessage, Event, PubSubMessage, RPCMessage
from commlib.node import Node

ACTION_NAME = "action_name"


class Pose(PubSubMessage):
    name: str = ""
    x: float = 0.0
    count: int = 0


class Add(RPCMessage):
    class Request(RPCMessage.Request):
        a: int = 0
        b: int = 0

    class Response(RPCMessage.Response):
        c: int = 0


class Move(ActionMessage):
    class Goal(ActionMessage.Goal):
        target: int = 0

    class Result(ActionMessage.Result):
        reached: int = 0

    class Feedback(ActionMessage.Feedback):
        at: int = 0


def connection(comm, host, port):
    return comm.ConnectionParameters(host=host, port=port)


def plain(message):
    return message if message is None or isinstance(message, dict) else message.model_dump()


def start(endpoint):
    endpoint.run()


def node(broker, params, name, heartbeat, interval, control):
    return Node(
        node_name=name,
        connection_params=params,
        heartbeats=heartbeat,
        heartbeat_interval=interval,
        ctrl_services=control,
    )


def send_event(comm, params, uri, name, payload):
    # There is no emitter any more: an event is a message that names neither itself nor its topic.
    publisher = comm.Publisher(topic=uri, msg_type=Event, conn_params=params)
    publisher.run()
    publisher.publish(Event(payload=payload))
    return publisher


def patch(broker):
    """Mends what keeps it from doing what it is meant to, and changes nothing on the wire."""
    from commlib import action

    # Its answer to a cancellation cannot be made without a result, and is made without one.
    class Response(action._ActionCancelMessage.Response):
        result: dict = {}

    action._ActionCancelMessage.Response = Response
