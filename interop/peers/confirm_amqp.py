"""Tells when the broker has confirmed a subscription, which commlib-py does not. It watches pika and changes nothing."""

import threading

from pika.adapters.blocking_connection import BlockingChannel

_changed = threading.Condition()
_keys = {}
_confirmed = set()


def install():
    bind, consume = BlockingChannel.queue_bind, BlockingChannel.basic_consume

    # Both come back when the broker has answered.
    def watched_bind(self, queue, exchange, routing_key=None, *args, **kwargs):
        result = bind(self, queue, exchange, routing_key, *args, **kwargs)
        with _changed:
            _keys.setdefault(queue, set()).add(routing_key)
        return result

    def watched_consume(self, queue, *args, **kwargs):
        result = consume(self, queue, *args, **kwargs)
        with _changed:
            # A service's queue has the name of the service, a subscription's is known by what it is bound with.
            _confirmed.update(_keys.get(queue, {queue}))
            _changed.notify_all()
        return result

    BlockingChannel.queue_bind, BlockingChannel.basic_consume = watched_bind, watched_consume


def confirmed(names, timeout):
    """Whether all are in time. Names of the library's, which are bound with `#` for `*` where they are patterns."""

    def done():
        return all(name in _confirmed or name.replace("*", "#") in _confirmed for name in names)

    with _changed:
        return _changed.wait_for(done, timeout)


def wait(names, timeout=15):
    if not confirmed(names, timeout):
        raise TimeoutError(f"not subscribed within {timeout} s: {names}, only {sorted(_confirmed)}")
