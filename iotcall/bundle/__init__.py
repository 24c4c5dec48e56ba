"""The only artefact that reaches a hub: a folder of files under a manifest of their hashes."""

from iotcall.bundle.bundle import Bundle, BundleSkill, open_bundle, verify_bundle
from iotcall.bundle.calibration import CALIBRATION, Calibration
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
from iotcall.bundle.writer import (
    check_place,
    check_signer,
    renew_files,
    sign_bundle,
    write_bundle,
)

__all__ = [
    "CALIBRATION",
    "FORMAT_VERSION",
    "SIGNATURE",
    "Bundle",
    "BundleSkill",
    "Calibration",
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
    "check_signer",
    "generate_key",
    "holds_private_key",
    "key_id",
    "open_bundle",
    "read_private_key",
    "read_public_key",
    "renew_files",
    "sign_bundle",
    "verify_bundle",
    "verify_signature",
    "write_bundle",
    "write_key_pair",
]
