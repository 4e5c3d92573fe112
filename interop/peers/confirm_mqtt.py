"""Tells when the broker has confirmed a subscription, which commlib-py does not. It watches paho and changes nothing."""

import struct
import threading

from paho.mqtt.client import Client

_changed = threading.Condition()
_filters = {}
_acknowledged = set()
_confirmed = set()


def _settle(key):
    if key in _acknowledged and key in _filters:
        _confirmed.add(_filters[key])
        _changed.notify_all()


def install():
    subscribe, handle_suback = Client.subscribe, Client._handle_suback

    def watched_subscribe(self, topic, *args, **kwargs):
        result = subscribe(self, topic, *args, **kwargs)
        with _changed:
            key = (id(self), result[1])
            _filters[key] = topic
            _settle(key)
        return result

    def watched_suback(self):
        (mid,) = struct.unpack("!H", bytes(self._in_packet["packet"][:2]))
        result = handle_suback(self)
        with _changed:
            key = (id(self), mid)
            _acknowledged.add(key)
            _settle(key)
        return result

    Client.subscribe, Client._handle_suback = watched_subscribe, watched_suback


def confirmed(names, timeout):
    """Whether all are in time. Names of the library's; of a pattern only what precedes its first wildcard counts."""
    starts = [name.split("*")[0].replace(".", "/") for name in names]

    def done():
        return all(any(f == s or (s.endswith("/") and f.startswith(s)) for f in _confirmed) for s in starts)

    with _changed:
        return _changed.wait_for(done, timeout)


def wait(names, timeout=15):
    if not confirmed(names, timeout):
        raise TimeoutError(f"not subscribed within {timeout} s: {names}, only {sorted(_confirmed)}")
