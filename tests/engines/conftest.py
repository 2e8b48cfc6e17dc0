"""What tests of engines share."""

import pytest


@pytest.fixture
def compiled():
    """The number of programs that XLA has compiled since."""
    from jax import monitoring

    found = []

    def listen(name, seconds, **_):
        if name.endswith("backend_compile_duration"):
            found.append(seconds)

    monitoring.register_event_duration_secs_listener(listen)
    yield found
    monitoring.unregister_event_duration_listener(listen)
