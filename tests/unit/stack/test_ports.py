from __future__ import annotations

import os
import socket

import pytest

from shoplake.errors import PortTaken
from shoplake.stack.ports import holder_of, refuse_taken
from shoplake.stack.state import free_ports


def test_a_taken_port_names_server_port_and_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port}.*postgres.*pid {os.getpid()}"):
            refuse_taken("postgres", [port])


def test_a_port_taken_on_every_interface_is_taken() -> None:
    with socket.create_server(("0.0.0.0", 0)) as holder, pytest.raises(PortTaken):
        refuse_taken("kafka", [holder.getsockname()[1]])


def test_free_ports_are_accepted() -> None:
    refuse_taken("kafka", free_ports(2))


def test_a_connection_in_time_wait_does_not_hold_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        server.accept()[0].close()  # closed by the server first: its end stays in TIME_WAIT
        client.close()
    refuse_taken("mongo", [port])


def test_nobody_holds_a_free_port() -> None:
    assert holder_of(free_ports(1)[0]) is None
