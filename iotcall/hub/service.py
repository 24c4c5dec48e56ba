"""The hub as a systemd service: the text of its unit, and putting it in its place.

Leaves out: talking to systemd; the person runs `systemctl` and sees what it says. Directives:
systemd.service(5), systemd.exec(5), systemd.resource-control(5); made for systemd 247 and newer.

A hub that fails is started again, but for two exit codes (RestartPreventExitStatus=). 2: its
settings cannot be used, and trying again does not mend them. 3: another client has connected with
its client id; started again it would throw that one out, which would be started again too, and so
for ever, with utterances lost at every turn. The one that stays goes on serving.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.errors import FileError, InputError
from iotcall.hub.config import CREDENTIALS, HubFile
from iotcall.hub.exchange import TakenOver

SYSTEM_FOLDER = Path("/etc/systemd/system")
State = Literal["absent", "ours", "changed", "foreign"]

_MARK = re.compile(r"# Written by `iotcall service install`, rest: sha256 ([0-9a-f]{64})\n")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SIZE = re.compile(r"\d{1,9}[KMGT]?")
_HOMES = ("/home", "/root", "/run/user")
"""What ProtectHome= hides."""

# For all services: enforced by seccomp and rlimits, which need no privileges once
# NoNewPrivileges is set, so that they hold in a user's own systemd too.
_EVERYWHERE = """\
NoNewPrivileges=yes
UMask=0077
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""

# Of system services only: these need namespaces, or root to begin with. PrivateDevices: a student
# on an accelerator needs a drop-in with DeviceAllow=.
_SYSTEM = """\
DynamicUser=yes
CapabilityBoundingSet=
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectSystem=strict
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
"""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit is made of."""

    config: Path
    """The settings file, absolute."""
    file: HubFile
    """What it says."""
    python: Path
    """The interpreter that has iotcall; not resolved, as a virtual environment is a link."""
    name: str = "iotcall"
    """Of the unit and of its folder below /var/lib."""
    user: bool = False
    """A service of the person's own systemd, in place of the machine's."""
    memory_max: str = "1G"
    """More and it is ended: a leak must not take the machine with it."""
    watchdog_seconds: int = 60
    """So long without a sign of life and it is started anew."""

    @property
    def unit(self) -> str:
        return f"{self.name}.service"


def unit_text(service: Service) -> str:
    """The unit, its first line telling that it is ours and unchanged.

    Raises:
        InputError: a name, a size or a path that no unit can hold.
    """
    if not _NAME.fullmatch(service.name):
        raise InputError(f"{service.name!r} is no name of a service; expected letters, digits, `-` "
                         "and `_`")
    if not _SIZE.fullmatch(service.memory_max):
        raise InputError(f"{service.memory_max!r} is no size; expected e.g. 512M or 1G")
    command = [str(service.python), "-P", "-m", "iotcall", "hub", "--config", str(service.config)]
    limits = service.file.limits
    stop = limits.decode_seconds + limits.command_seconds + limits.acknowledge_seconds + 20
    after = "network-online.target mosquitto.service" if not service.user else "network.target"
    rest = f"""\
# Your own changes: systemctl{_user(service)} edit {service.name}

[Unit]
Description=iotcall hub ({_plain(service.config)})
Wants=network-online.target
After={after}
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={" ".join(map(quoted, command))}
WatchdogSec={service.watchdog_seconds}
TimeoutStopSec={round(stop)}
Restart=on-failure
RestartSec=10
# 2: the settings cannot be used. 3: another hub has this client id. Trying again mends neither.
RestartPreventExitStatus=2 {TakenOver.exit_code}
StateDirectory={service.name}
StateDirectoryMode=0700
MemoryMax={service.memory_max}
CPUWeight=200
TasksMax=256
{_EVERYWHERE}{"" if service.user else _system(service)}
[Install]
WantedBy={"default" if service.user else "multi-user"}.target
"""
    return f"# Written by `iotcall service install`, rest: sha256 {_hash(rest)}\n{rest}"


def unit_folder(*, user: bool) -> Path:
    """Where the administrator's, or the person's own, units are."""
    if not user:
        return SYSTEM_FOLDER
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user"


def unit_state(path: Path) -> State:
    """Whether a unit is ours as we wrote it, ours with changes, or somebody else's."""
    if path.is_symlink():
        return "foreign"  # subtle: `systemctl mask` links to /dev/null
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    mark = _MARK.match(text)
    if mark is None:
        return "foreign"
    return "ours" if mark[1] == _hash(text[mark.end():]) else "changed"


def install_unit(path: Path, text: str, *, replace: bool = False) -> State:
    """Put the unit there, whole or not at all; what was there before.

    Raises:
        FileError: somebody else's unit, or ours with changes, is there and `replace` is not set;
            or it cannot be written.
    """
    before = unit_state(path)
    if before in ("foreign", "changed") and not replace:
        raise FileError(path, f"{_WHOSE[before]}; --replace overwrites it, another --name does not")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(text)
                os.fchmod(out.fileno(), 0o644)
            os.replace(made, path)
        except BaseException:
            os.unlink(made)
            raise
    except OSError as error:
        raise FileError(path, f"cannot be written: {error.strerror}; --user installs a service of "
                        "your own, --print shows the unit") from error
    return before


def uninstall_unit(path: Path, *, replace: bool = False) -> bool:
    """Take the unit away, and the links that enable it; False: there was none.

    Raises:
        FileError: as `install_unit`.
    """
    before = unit_state(path)
    if before in ("foreign", "changed") and not replace:
        raise FileError(path, f"{_WHOSE[before]}; --replace takes it away all the same")
    try:
        for link in path.parent.glob(f"*.wants/{path.name}"):
            if link.is_symlink():
                link.unlink()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    except OSError as error:
        raise FileError(path, f"cannot be taken away: {error.strerror}") from error
    return before != "absent"


def obstacles(service: Service) -> list[str]:
    """What would keep the service's user from what the settings name; for people."""
    if service.user:
        return []
    file, broker = service.file, service.file.broker
    state = Path("/var/lib") / service.name
    told = [f"{key} = {given!r} is outside of {state}, and the service may write nowhere else"
            for key, given in (("store.path", file.store.path), ("audit.path", file.audit.path))
            if given and not Path(given).is_relative_to(state)]
    read = [service.python, service.config, *(
        Path(each) for each in (file.home, file.bundle, file.board, broker.ca_file,
                                broker.cert_file, *file.trust.keys) if each.startswith("/"))]
    told += [f"{path} is below {folder}, and the service has a {folder} of its own"
             for path in dict.fromkeys(read) for folder in ("/tmp", "/var/tmp")
             if path.is_relative_to(folder)]
    told += [f"{path} cannot be read by the service's user: see the rights of it and of its folders"
             for path in dict.fromkeys(read) if not _readable_by_all(path)]
    if broker.password_env:
        told.append(f"the unit does not set {broker.password_env}; better name a password_file, "
                    "which may stay root's own")
    return told


def quoted(word: str) -> str:
    """A word of a command line, as systemd reads it (systemd.service(5), "Command lines").

    Raises:
        InputError: it holds a control character.
    """
    word = _plain(word).replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./$-]+", word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


_WHOSE = {"foreign": "is a unit that iotcall did not write",
          "changed": "was changed by hand since iotcall wrote it"}


def _system(service: Service) -> str:
    """What only the machine's systemd can do for a service."""
    broker = service.file.broker
    private = {"broker.password_file": broker.password_file, "broker.key_file": broker.key_file}
    loads = "".join(f"LoadCredential={CREDENTIALS[key]}:{_plain(path)}\n"
                    for key, path in private.items() if path)
    at_home = any(str(path).startswith(f"{home}/") for home in _HOMES for path in (
        service.python, service.config, service.file.home, service.file.bundle,
        service.file.board, broker.ca_file, broker.cert_file, *service.file.trust.keys))
    return f"{_SYSTEM}ProtectHome={'read-only' if at_home else 'yes'}\n{loads}"


def _plain(path: Path | str) -> str:
    """A text in which systemd sees no specifier."""
    text = str(path)
    if not text.isprintable():
        raise InputError(f"{text!r} holds a control character, and no unit can hold it")
    return text.replace("%", "%%")


def _readable_by_all(path: Path) -> bool:
    """Whether rights for others let a user of no group reach and read it; True if it is absent."""
    try:
        mode = path.stat().st_mode
        folders = [folder.stat().st_mode for folder in path.absolute().parents]
    except FileNotFoundError:
        return True  # told elsewhere
    except OSError:
        return False
    wanted = stat.S_IROTH | (stat.S_IXOTH if stat.S_ISDIR(mode) else 0)
    return mode & wanted == wanted and _all_enter(folders)


def _all_enter(modes: Iterable[int]) -> bool:
    return all(mode & stat.S_IXOTH for mode in modes)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _user(service: Service) -> str:
    return " --user" if service.user else ""
