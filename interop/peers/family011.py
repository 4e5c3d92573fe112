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


def patch(broker, comm):
    """Mends what keeps it from doing what it is meant to, and changes nothing on the wire."""
    from commlib import action

    # Its answer to a cancellation cannot be made without a result, and is made without one.
    class Response(action._ActionCancelMessage.Response):
        result: dict = {}

    action._ActionCancelMessage.Response = Response
    if broker == "amqp":
        patch_amqp(comm.AMQPTransport)
    if broker == "redis":
        patch_redis(comm.RedisTransport)


def patch_amqp(transport):
    start = transport.start

    # A service takes no answer for a failure.
    def started(self):
        start(self)
        return True

    transport.start = started


def patch_redis(transport):
    init, wait_for_msg = transport.__init__, transport.wait_for_msg

    # One pool serves a whole process: the first server's, and whoever stops ends the connections of all.
    def with_own_pool(self, *args, **kwargs):
        init(self, *args, **kwargs)
        if not hasattr(self, "_build_conn_pool"):
            # Connected as it is made, it takes a service that is to run for one that does.
            self._connected = False
        else:
            pool = self._build_conn_pool()
            self.get_redis_pool = lambda: pool

    # Nothing in ten seconds ends a service.
    def waiting(self, *args, **kwargs):
        try:
            return wait_for_msg(self, *args, **kwargs)
        except TypeError:
            return "", None

    transport.__init__, transport.wait_for_msg = with_own_pool, waiting
