"""The only artefact that reaches a hub: a folder of files under a manifest of their hashes."""

from iotcall.bundle.bundle import Bundle, BundleSkill, open_bundle, verify_bundle
from iotcall.bundle.manifest import FORMAT_VERSION, FileEntry, Manifest, StudentInfo, TargetInfo
from iotcall.bundle.writer import check_place, write_bundle

__all__ = [
    "FORMAT_VERSION",
    "Bundle",
    "BundleSkill",
    "FileEntry",
    "Manifest",
    "StudentInfo",
    "TargetInfo",
    "check_place",
    "open_bundle",
    "verify_bundle",
    "write_bundle",
]
