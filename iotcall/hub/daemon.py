"""The hub as a process: puts the parts together, runs until told to end, leaves nothing undone.

Leaves out: what the parts do. Threads: the network's, which must not block; one worker; the link's
keeper; and the caller's, which waits for a signal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import structlog

from iotcall.catalogue import Catalogue
from iotcall.devices import Home, Publication
from iotcall.dialogue import Conversation, DialogueSettings
from iotcall.dialogue.pins import Tries
from iotcall.dialogue.rates import Rates
from iotcall.errors import InputError
from iotcall.hub.actuator import Actuator
from iotcall.hub.audit import AuditLog
from iotcall.hub.bell import Bell
from iotcall.hub.direct import ask_directly
from iotcall.hub.exchange import Arrival, Subscription, Undelivered
from iotcall.hub.fallback import Router
from iotcall.hub.household import Household
from iotcall.hub.inbox import Inbox
from iotcall.hub.ledger import Ledger
from iotcall.hub.link import Link
from iotcall.hub.plain import ask_topic
from iotcall.hub.settings import HubSettings
from iotcall.hub.shift import Heir
from iotcall.hub.topics import (
    SESSION_ENDED,
    SESSION_STARTED,
    VOICE_TOPICS,
    Message,
    keypad_topic,
    read_broken_off,
    read_keypad,
    read_started,
    status,
)
from iotcall.hub.understanding import Understander
from iotcall.hub.watch import Watch
from iotcall.hub.worker import Worker
from iotcall.hub.wyoming import Answered, Said, WyomingServer
from iotcall.store import Store

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.get_logger(__name__)


def run_hub(
    settings: HubSettings,
    home: Home,
    catalogue: Catalogue,
    dialogue: DialogueSettings,
    student: Understander,
    store: Store | None = None,
    wyoming: tuple[str, int] | None = None,
    router: Router | None = None,
    audit: AuditLog | None = None,
    metrics: tuple[str, int] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; returns when the utterance in hand is finished and told.

    Utterances that wait are left with the broker, for the next start. A second signal ends the
    process at once. Call it from the main thread.

    With `settings.share` we are one of several workers on one store: those that wait are handled
    first, after the broker has been told to give us no more.

    Raises:
        InputError: a group without a store on a server, or such a store without a group.
        BrokerError: the first connection fails (later ones are made again for ever), or another
            hub takes over our client id.
    """
    student.expect_names(home.spoken_names())
    group = settings.share
    if bool(group) != (store is not None and store.shared):
        raise InputError("workers with --share keep what they know in one --store redis://..., and "
                         "such a store is for them: give both or neither")
    ledger = Ledger()
    keypads = keypad_topic(settings.asked_as, "")
    over_mqtt = router.over_mqtt if router else None
    answers_on = [over_mqtt.answers_on] if over_mqtt else []
    voices = (*VOICE_TOPICS, ask_topic(settings.asked_as))
    leaving = threading.Event()

    def arrived(arrival: Arrival) -> None:
        if arrival.topic in voices:
            inbox.arrived(arrival)
        elif arrival.topic.startswith(keypads):
            if not arrival.retain and (entered := read_keypad(arrival.topic, arrival.payload)):
                inbox.enter(*entered)
            arrival.acknowledge()
        elif over_mqtt and arrival.topic in answers_on:
            # subtle: by the ledger, as acknowledgements go in the order of arrival, and the
            # utterance that is asked about was before it
            if entry := ledger.arrived(arrival):
                over_mqtt.heard(arrival.payload, correlation=arrival.correlation,
                                retained=arrival.retain)
                ledger.handled(entry)
        elif arrival.topic == SESSION_STARTED:
            if started := read_started(arrival.payload):
                inbox.managed.started(started)
            arrival.acknowledge()
        elif arrival.topic == SESSION_ENDED:
            if session_id := read_broken_off(arrival.payload):
                worker.break_off(session_id)
            arrival.acknowledge()
        else:
            household.heard(arrival.topic, arrival.payload, retained=arrival.retain)
            arrival.acknowledge()

    def subscriptions() -> list[Subscription]:
        # subtle: a device may be announced with one of our own topics for its state. Heard as a
        # device's, it would be left when the device goes, and the hub would be deaf.
        keypad = keypad_topic(settings.asked_as)
        heard = {SESSION_STARTED, SESSION_ENDED, *household.filters()}.difference(
            voices, answers_on, [keypad])
        shared = f"$share/{group}/" if group else ""
        asked = [] if leaving.is_set() else [
            *(Subscription(shared + topic, 1, retain_as_published=True) for topic in voices),
            Subscription(shared + keypad, 0)]
        return [*asked, *(Subscription(topic, 1, retain_as_published=True) for topic in answers_on),
                *(Subscription(topic, 0) for topic in sorted(heard))]

    def changed(now: Home) -> None:
        conversation.home = now
        student.expect_names(now.spoken_names())
        link.follow(subscriptions())

    def send(publications: Sequence[Publication]) -> None:
        link.publish_all([Message(each.topic, each.payload) for each in publications],
                         settings.command_seconds)

    def came_up() -> None:
        watch.metrics.connected()
        worker.came_up()
        household.ask_all()

    household = Household(home, settings.client_id, on_change=changed, send=send)

    link = Link(
        settings,
        subscriptions=subscriptions(),
        on_session=ledger.connected,
        on_arrival=arrived,
        on_up=came_up,
        on_taken_over=lambda: wake(),
    )
    actuator = Actuator(settings, link, household.states)
    if over_mqtt:
        over_mqtt.connect(link.publish, lambda: link.version)
    conversation = Conversation(
        home, household.states, dialogue, catalogue,
        tries=Tries(store.tries) if store else None,
        # those of a hub alone are over in a minute, and not worth a write for each command
        rates=Rates(store.site_rates, store.device_rates) if store and store.shared else None)
    watch = Watch(settings.client_id, queue=lambda: inbox.waiting,
                  devices=lambda: len(household.home.devices), audit=audit, listen=metrics)
    worker = Worker(settings, link, actuator, conversation, dialogue, student, store,
                    router, on_turn=watch.turn, on_refused=watch.refused,
                    on_routed=watch.metrics.fallback_asked,
                    on_store_fault=watch.metrics.store_failed)
    heir = Heir(store, link, worker.inherit) if store and group else None
    bell = Bell(store, link, dialogue.house.replies) if store and dialogue.house else None
    inbox = Inbox(settings, ledger, worker.object_to, link.send)

    def answer(said: Said) -> Answered:
        return ask_directly(inbox, said, settings.session_expiry_seconds)

    with contextlib.ExitStack() as stack:
        stack.enter_context(watch)
        if wyoming:
            stack.enter_context(WyomingServer(*wyoming, answer))
        with _signals() as (wait_for_signal, wake):
            link.open()
            busy = threading.Thread(target=worker.run, args=[inbox, ledger], name="worker",
                                    daemon=True)
            for thread in (busy, *(threading.Thread(target=body, daemon=True)
                                   for body in (household.run, *([bell.run] if bell else ()),
                                                *([heir.run] if heir else ())))):
                thread.start()
            watch.begin(link.send, busy.is_alive)
            _log.info("hub.started", client_id=settings.client_id, devices=len(home.devices))
            received = wait_for_signal()  # "" where it was the link that woke us
        watch.end()
        if group:  # what we have is ours to do; we may not come back
            leaving.set()
            link.follow(subscriptions())
            with contextlib.suppress(Undelivered):  # taken after that: all that came before is here
                link.publish(status(settings.client_id, "online"),
                             time.monotonic() + settings.connect_seconds)
        inbox.stop(drain=bool(group))
        household.stop()
        for other in (bell, heir):
            if other:
                other.stop()
        if not group:
            link.give_up()
        _log.info("hub.stopping", signal=received)
        busy.join(settings.stop_seconds)
        if busy.is_alive():
            _log.error("hub.utterance_abandoned", after_seconds=settings.stop_seconds)
        link.close()
    _log.info("hub.stopped")
    if link.fault:
        raise link.fault


@contextlib.contextmanager
def _signals() -> Iterator[tuple[Callable[[], str], Callable[[], None]]]:
    """A function that waits for SIGTERM or SIGINT and names it, and one that ends its wait.

    The wait gives an empty name then. After the block the signals act as before.

    subtle: the system may hand a signal to any thread, also to those of the student, and a handler
    in Python may interrupt this one under any lock. So the handlers do nothing, and the number
    arrives through a pipe.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
    before_fd = signal.set_wakeup_fd(write_end)
    try:
        yield (lambda: _name_of(os.read(read_end, 1)[0]), lambda: _write(write_end))
    finally:
        signal.set_wakeup_fd(before_fd)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


def _name_of(number: int) -> str:
    return signal.Signals(number).name if number else ""


def _write(write_end: int) -> None:
    with contextlib.suppress(OSError):  # full or closed: it is ending anyway
        os.write(write_end, b"\0")
