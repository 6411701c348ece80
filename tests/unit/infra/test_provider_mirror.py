"""The search for a provider mirror, and the CLI configuration that comes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shoplake.errors import InfraError
from shoplake.infra import provider_mirror


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with no mirror and no configuration."""
    for name in ("TF_PLUGIN_MIRROR", "TF_CLI_CONFIG_FILE", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.chdir(tmp_path / "user")
    monkeypatch.setattr(provider_mirror, "SYSTEM_FOLDERS", (tmp_path / "opt",))


def unpacked(
    folder: Path, registry: str = "registry.terraform.io", version: str = provider_mirror.PROVIDER_VERSION
) -> Path:
    (folder / registry / "hashicorp" / "aws" / version / provider_mirror.platform_name()).mkdir(parents=True)
    return folder


def packed(folder: Path) -> Path:
    provider = folder / "registry.terraform.io" / "hashicorp" / "aws"
    provider.mkdir(parents=True)
    (
        provider / f"terraform-provider-aws_{provider_mirror.PROVIDER_VERSION}_{provider_mirror.platform_name()}.zip"
    ).touch()
    return folder


def test_without_a_mirror_the_registry_is_asked() -> None:
    assert provider_mirror.find("terraform") is None
    assert provider_mirror.cli_config("terraform") == ""


def test_the_named_mirror_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(packed(tmp_path / "mine")))

    assert provider_mirror.find("terraform") == provider_mirror.Mirror(path=tmp_path / "mine", why="TF_PLUGIN_MIRROR")


def test_a_named_mirror_without_the_provider_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(unpacked(tmp_path / "mine", version="4.0.0")))

    with pytest.raises(InfraError, match=r"has no registry.terraform.io/hashicorp/aws 5\.100\.0"):
        provider_mirror.find("terraform")


@pytest.mark.parametrize(
    "folder",
    ["user/terraform.d/plugins", "user/.terraform.d/plugins", "user/.local/share/terraform/plugins",
     "share/terraform/plugins", "opt/plugins", "opt/terraform/providers", "opt/a/b/c"],
)  # fmt: skip
def test_every_place_is_searched(tmp_path: Path, folder: str) -> None:
    unpacked(tmp_path / folder)

    found = provider_mirror.find("terraform")
    assert found is not None
    assert found.path == tmp_path / folder


def test_terraforms_own_directories_come_before_the_systems(tmp_path: Path) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    unpacked(tmp_path / "share" / "terraform" / "plugins")

    found = provider_mirror.find("terraform")
    assert found is not None
    assert found.path == tmp_path / "share" / "terraform" / "plugins"


@pytest.mark.parametrize("version", ["5.99.0", "6.0.0"])
def test_a_mirror_of_another_version_is_passed_over(tmp_path: Path, version: str) -> None:
    unpacked(tmp_path / "opt" / "plugins", version=version)

    assert provider_mirror.find("terraform") is None


def test_opentofu_needs_its_own_registry(tmp_path: Path) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    assert provider_mirror.find("tofu") is None

    unpacked(tmp_path / "opt" / "plugins", registry="registry.opentofu.org")
    assert provider_mirror.find("tofu") is not None


def test_the_configuration_takes_the_provider_from_the_mirror_alone(tmp_path: Path) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    config = provider_mirror.cli_config("terraform")

    assert f'path    = "{tmp_path}/opt/plugins"' in config
    assert config.count('["registry.terraform.io/hashicorp/aws"]') == 2
    assert provider_mirror.installs_providers(config)


def test_a_users_configuration_that_installs_providers_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    own = tmp_path / "own.tfrc"
    own.write_text('provider_installation {\n  network_mirror { url = "https://mirror/" }\n}\n')
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))

    assert provider_mirror.cli_config("terraform") == own.read_text()


def test_other_things_a_user_configured_stay_beside_the_mirror(tmp_path: Path) -> None:
    unpacked(tmp_path / "opt" / "plugins")
    (tmp_path / "user" / ".terraformrc").write_text('credentials "registry.example" { token = "t" }\n')

    config = provider_mirror.cli_config("terraform")
    assert 'token = "t"' in config
    assert provider_mirror.installs_providers(config)


def test_a_mirror_that_was_named_wins_over_a_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user" / ".terraformrc").write_text("provider_installation {\n  direct {}\n}\n")
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(unpacked(tmp_path / "mine")))

    config = provider_mirror.cli_config("terraform")
    assert str(tmp_path / "mine") in config
    assert config.count("provider_installation") == 1


def test_a_configuration_that_is_named_and_missing_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing"))

    assert provider_mirror.cli_config("terraform") == ""


@pytest.mark.parametrize("own", ["", 'credentials "registry.example" { token = "t" }\n'])
def test_a_configuration_that_shoplake_wrote_is_not_taken_for_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    (tmp_path / "user" / ".terraformrc").write_text(own)
    unpacked(tmp_path / "opt" / "plugins")
    exported = tmp_path / "cli.tfrc"
    exported.write_text(provider_mirror.cli_config("terraform"))
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(exported))
    (tmp_path / "opt" / "plugins").rename(tmp_path / "opt" / "moved")

    config = provider_mirror.cli_config("terraform")
    assert f'path    = "{tmp_path}/opt/moved"' in config
    assert "plugins" not in config
    assert config.startswith(own)
