"""The only artefact that reaches a hub: a folder of files under a manifest of their hashes."""

from iotcall.bundle.bundle import Bundle, BundleSkill, open_bundle, verify_bundle
from iotcall.bundle.keys import (
    generate_key,
    holds_private_key,
    key_id,
    read_private_key,
    read_public_key,
    write_key_pair,
)
from iotcall.bundle.layout import Cost, DecoderLayout, ProviderSettings, RotaryLayout
from iotcall.bundle.manifest import FORMAT_VERSION, FileEntry, Manifest, StudentInfo, TargetInfo
from iotcall.bundle.signature import SIGNATURE, Signature, verify_signature
from iotcall.bundle.writer import check_place, sign_bundle, write_bundle

__all__ = [
    "FORMAT_VERSION",
    "SIGNATURE",
    "Bundle",
    "BundleSkill",
    "Cost",
    "DecoderLayout",
    "FileEntry",
    "Manifest",
    "ProviderSettings",
    "RotaryLayout",
    "Signature",
    "StudentInfo",
    "TargetInfo",
    "check_place",
    "generate_key",
    "holds_private_key",
    "key_id",
    "open_bundle",
    "read_private_key",
    "read_public_key",
    "sign_bundle",
    "verify_bundle",
    "verify_signature",
    "write_bundle",
    "write_key_pair",
]
