"""What Pykka expects of an actor: its registry, proxies, stop message and reasons."""

# _pykka: stop messages and futures of Pykka
# _registry: the registry with indexes
# _proxy: proxies without introspection
# _stop_reason: why an actor stopped
# _local: what has a meaning in one process only
# _functions: what can be told of a function
