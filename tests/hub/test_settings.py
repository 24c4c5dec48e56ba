from __future__ import annotations

import pytest

from iotcall.errors import InputError
from iotcall.hub.settings import Broker, HubSettings, check_settings, read_broker


def test_a_broker_url_names_host_port_user_and_password() -> None:
    assert read_broker("mqtt://hub:p%40ss@192.168.1.5:1884") == Broker(
        host="192.168.1.5", port=1884, username="hub", password="p@ss")


def test_the_port_follows_the_scheme() -> None:
    assert (read_broker("mqtt://box").port, read_broker("mqtts://box").port) == (1883, 8883)
    assert read_broker("mqtt://[::1]:1883").host == "::1"


@pytest.mark.parametrize("url", ["box:1883", "http://box", "mqtt://", "mqtt://box:many",
                                 "mqtt://box/topic", "mqtt://user:geheim@box:99999"])
def test_another_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match=r"expected mqtt://\[user:password@\]host") as told:
        read_broker(url)
    assert "geheim" not in str(told.value)


def test_a_broker_is_shown_without_its_password() -> None:
    assert str(read_broker("mqtt://hub:geheim@box")) == "mqtt://box:1883"


@pytest.mark.parametrize("client_id", ["", "a/b", "hub+", "x" * 65, "hub one"])
def test_a_client_id_that_fits_no_topic_is_refused(client_id: str) -> None:
    with pytest.raises(InputError, match="client id"):
        check_settings(HubSettings(broker=Broker(host="box"), client_id=client_id))


@pytest.mark.parametrize("queue", [0, 1001])
def test_a_queue_without_bounds_is_refused(queue: int) -> None:
    with pytest.raises(InputError, match="queue"):
        check_settings(HubSettings(broker=Broker(host="box"), queue=queue))
