"""Tells when the broker has confirmed a subscription, which commlib-py does not. It watches redis-py and changes nothing."""

import threading

import redis
from redis.client import PubSub

_changed = threading.Condition()
_confirmed = set()


def _confirm(*names):
    with _changed:
        _confirmed.update(name.decode() if isinstance(name, bytes) else name for name in names)
        _changed.notify_all()


def install():
    handle_message, blpop = PubSub.handle_message, redis.Redis.blpop

    def watched_message(self, response, *args, **kwargs):
        if response is not None and response[0] in (b"psubscribe", "psubscribe"):
            _confirm(response[1])
        return handle_message(self, response, *args, **kwargs)

    # A list keeps what comes before it is read: a service that waits for the first time has begun.
    def watched_blpop(self, keys, *args, **kwargs):
        _confirm(*(keys if isinstance(keys, (list, tuple)) else [keys]))
        return blpop(self, keys, *args, **kwargs)

    PubSub.handle_message, redis.Redis.blpop = watched_message, watched_blpop


def confirmed(names, timeout):
    """Whether all are in time."""
    with _changed:
        return _changed.wait_for(lambda: all(name in _confirmed for name in names), timeout)


def wait(names, timeout=15):
    if not confirmed(names, timeout):
        raise TimeoutError(f"not subscribed within {timeout} s: {names}, only {sorted(_confirmed)}")
