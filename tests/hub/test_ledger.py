from __future__ import annotations

from iotcall.hub.exchange import Arrival
from iotcall.hub.ledger import Entry, Ledger


class Broker:
    """Notes what it may forget."""

    def __init__(self) -> None:
        self.acknowledged: list[int] = []

    def sends(self, mid: int, payload: bytes = b"", *, dup: bool = False, qos: int = 1) -> Arrival:
        return Arrival("voice", payload, qos, False, dup, mid,
                       lambda: self.acknowledged.append(mid))


def taken(ledger: Ledger, arrival: Arrival) -> Entry:
    entry = ledger.arrived(arrival)
    assert entry is not None
    return entry


def test_a_message_is_acknowledged_when_it_was_handled() -> None:
    broker, ledger = Broker(), Ledger()
    entry = taken(ledger, broker.sends(1))
    assert broker.acknowledged == []
    ledger.handled(entry)
    assert broker.acknowledged == [1]


def test_acknowledgements_go_in_the_order_of_arrival() -> None:
    broker, ledger = Broker(), Ledger()
    first, second, third = (taken(ledger, broker.sends(mid)) for mid in (1, 2, 3))
    ledger.handled(third)
    ledger.handled(second)
    assert broker.acknowledged == []
    ledger.handled(first)
    assert broker.acknowledged == [1, 2, 3]


def test_a_redelivery_of_a_message_in_hand_is_not_handled_again_but_acknowledged() -> None:
    broker, ledger = Broker(), Ledger()
    entry = taken(ledger, broker.sends(1, b"on"))
    ledger.connected(session_present=True)
    assert ledger.arrived(broker.sends(1, b"on", dup=True)) is None
    assert broker.acknowledged == []
    ledger.handled(entry)
    assert broker.acknowledged == [1]


def test_a_redelivery_of_a_handled_message_is_acknowledged_again() -> None:
    broker, ledger = Broker(), Ledger()
    ledger.handled(taken(ledger, broker.sends(1, b"on")))
    ledger.connected(session_present=True)
    assert ledger.arrived(broker.sends(1, b"on", dup=True)) is None
    assert broker.acknowledged == [1, 1]


def test_what_was_handled_while_the_broker_was_away_is_not_acknowledged_to_nobody() -> None:
    broker, ledger = Broker(), Ledger()
    entry = taken(ledger, broker.sends(1, b"on"))
    ledger.connected(session_present=True)
    ledger.handled(entry)
    assert broker.acknowledged == []
    assert ledger.arrived(broker.sends(1, b"on", dup=True)) is None
    assert broker.acknowledged == [1]


def test_the_same_words_said_twice_are_two_messages() -> None:
    broker, ledger = Broker(), Ledger()
    ledger.handled(taken(ledger, broker.sends(1, b"on")))
    assert ledger.arrived(broker.sends(2, b"on")) is not None
    assert ledger.arrived(broker.sends(1, b"on")) is not None


def test_a_packet_identifier_that_was_used_again_is_a_new_message() -> None:
    broker, ledger = Broker(), Ledger()
    ledger.handled(taken(ledger, broker.sends(1, b"on")))
    assert ledger.arrived(broker.sends(1, b"off", dup=True)) is not None


def test_packet_identifiers_mean_nothing_after_the_broker_lost_the_session() -> None:
    broker, ledger = Broker(), Ledger()
    lost = taken(ledger, broker.sends(1, b"on"))
    ledger.connected(session_present=False)
    other = taken(ledger, broker.sends(1, b"on", dup=True))
    ledger.handled(lost)
    assert broker.acknowledged == []
    ledger.handled(other)
    assert broker.acknowledged == [1]


def test_a_message_of_quality_0_needs_no_acknowledgement() -> None:
    broker, ledger = Broker(), Ledger()
    ledger.handled(taken(ledger, broker.sends(0, qos=0)))
    assert broker.acknowledged == []


def test_many_handled_messages_are_forgotten_while_those_in_hand_are_kept() -> None:
    broker, ledger = Broker(), Ledger()
    in_hand = taken(ledger, broker.sends(1, b"slow"))
    for mid in range(2, 1000):
        ledger.handled(taken(ledger, broker.sends(mid, b"quick")))
    ledger.connected(session_present=True)
    assert ledger.arrived(broker.sends(1, b"slow", dup=True)) is None
    assert ledger.arrived(broker.sends(2, b"quick", dup=True)) is not None
    ledger.handled(in_hand)
    assert broker.acknowledged == [1]
