"""What the doctor says of the administration's store: never a failure, and always what to do."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from dragoman.check.admin import check_admin
from dragoman.check.finding import Verdict
from dragoman.config.admin import AdminSettings


async def test_without_a_store_it_says_so_and_all_is_well() -> None:
    (found,) = await check_admin(AdminSettings())
    assert found.verdict is Verdict.OK and "no store is set" in found.found


async def test_a_store_that_opens_says_whether_it_is_encrypted(tmp_path: Path) -> None:
    (found,) = await check_admin(AdminSettings(store=SecretStr(str(tmp_path / "a.sqlite"))))
    assert found.verdict is Verdict.OK and "0 rooms" in found.found and "not encrypted" in found.found


async def test_one_that_does_not_open_is_named_without_its_password() -> None:
    store = SecretStr("postgresql://dragoman:hunter2hunter2@127.0.0.1:9/dragoman")
    (found,) = await check_admin(AdminSettings(store=store))
    assert found.verdict is Verdict.WARN and "127.0.0.1:9" in found.found and "[admin]" in found.remedy
    assert "hunter2" not in found.found
