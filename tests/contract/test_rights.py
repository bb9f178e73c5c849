"""The rights that the documents let an administrator give are those that the exporter uses."""

import json
import re
from pathlib import Path

from dataflows.listings import Listing
from dataflows.subsystems import SUBSYSTEMS
from exporter.snapshots.rights import RIGHTS

APIS = (Path(__file__).resolve().parents[2] / "docs" / "apis.md").read_text(encoding="utf-8")
NAMES = [right.name for right in RIGHTS]


def test_the_policy_of_wazo_has_all_rights_and_no_other() -> None:
    [acl] = re.findall(r'"acl": (\[[^\]]*\])', APIS)
    assert json.loads(acl) == NAMES


def test_the_key_file_has_all_rights_and_no_other() -> None:
    [acl] = re.findall(r"  acl:\n((?:    - \S+\n)+)", APIS)
    assert re.findall(r"- (\S+)", acl) == NAMES


def test_every_list_that_a_subsystem_follows_needs_a_right() -> None:
    followed: set[type[Listing]] = {kind for each in SUBSYSTEMS for kind in each.listings}
    needed = {kind for right in RIGHTS for kind in right.lists}
    # Consul knows no rights.
    assert {kind.__name__ for kind in followed - needed} == {"ServicesListed"}
    assert needed <= followed
