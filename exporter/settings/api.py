"""The settings of a server's APIs, which tell its whole state; they are settings of its bus."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from dataflows.listings import ALL, Source
from exporter.settings.api_url import (
    AUTH,
    SERVICES,
    STATUS_DAEMONS,
    daemons_of,
    is_below_base,
)
from exporter.settings.kinds import (
    PREFIX,
    ApiServices,
    ApiUrl,
    Checked,
    HostName,
    Password,
    UserName,
)
from exporter.settings.messages import choices
from exporter.settings.paths import ReadableFile, SecretFile


class ApiSettings(Checked):
    """How to reach the APIs of a server, and with which rights. Without a URL none is asked."""

    # Each check looks at settings declared before its own, so that all problems are reported at
    # once. So the key file, which replaces the user, stands before the user.

    api_url: ApiUrl = Field(
        None,
        description="URL of the server's APIs, such as https://wazo.example.com/api; they list all "
        "agents, queues and users, so that the numbers are complete",
    )
    api_services: ApiServices = Field(
        {},
        description=f"URLs of single APIs ({choices(SERVICES)}), if they are elsewhere: "
        "amid=https://pbx:9491,auth=https://pbx:9497",
    )
    api_key_file: SecretFile | None = Field(
        None,
        description="key file of wazo-auth-keys, instead of the user and the password; it is read "
        "at every login",
    )
    api_username: UserName | None = Field(None, description="user for the APIs")
    api_password_file: SecretFile | None = Field(
        None,
        description="file with the password of this user; it is read at every login; or set "
        f"{PREFIX}API_PASSWORD to the password",
    )
    api_password: Password | None = Field(None, description="the password of this user; not a flag")
    api_ca_file: ReadableFile | None = Field(
        None, description="file with CA certificates to trust for https://; default: the system's"
    )
    api_server_name: HostName | None = Field(
        None, description="name in the certificate of the APIs, if it differs from the host"
    )
    api_interval: float = Field(
        300,
        ge=30,
        le=86_400,
        description="seconds between two requests for the whole state, if no event causes one",
    )

    @property
    def api_sources(self) -> tuple[Source, ...]:
        """The APIs that are asked; empty if there is none."""
        return tuple(source for source in ALL if any(map(self.api_address, daemons_of(source))))

    @property
    def status_daemons(self) -> tuple[str, ...]:
        """The daemons that are asked which of their components work."""
        return tuple(filter(self.api_address, STATUS_DAEMONS))

    def api_address(self, service: str) -> str | None:
        """Return the URL of one of `SERVICES`, without a slash at its end; None if it has none.

        Its version and path follow, as in `/1.0/agents`.
        """
        has_base = self.api_url is not None and is_below_base(service)
        base = f"{self.api_url}/{service}" if has_base else None
        return self.api_services.get(service, base)

    # A method of the same name in a subclass would override these.

    @field_validator("api_services")
    @classmethod
    def _can_log_in(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        has_auth = AUTH in value
        if value and info.data.get("api_url", "") is None and (not has_auth or len(value) == 1):
            others = [service for service in SERVICES if service != AUTH]
            missing = f"one of {choices(others)}" if has_auth else f"{AUTH}, to log in"
            msg = f"without api_url, it must also have {missing}"
            raise ValueError(msg)
        return value

    @field_validator(
        *("api_key_file", "api_username", "api_password_file", "api_password"),
        *("api_ca_file", "api_server_name"),
    )
    @classmethod
    def _only_with_an_api(cls, value: object, info: ValidationInfo) -> object:
        if value is not None and _urls(info.data) == []:
            msg = "needs an API: set api_url, or remove this setting"
            raise ValueError(msg)
        return value

    @field_validator("api_username")
    @classmethod
    def _user_or_key(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and _urls(info.data) and info.data.get("api_key_file", "") is None:
            msg = "an API needs a user: set api_username and api_password_file, or api_key_file"
            raise ValueError(msg)
        if value is not None and info.data.get("api_key_file") is not None:
            raise ValueError(_NOT_BOTH)
        return value

    @field_validator("api_password_file", "api_password")
    @classmethod
    def _password_or_key(cls, value: object, info: ValidationInfo) -> object:
        # With a user, that is said of the user.
        is_without_user = info.data.get("api_username", "") is None
        if value is not None and is_without_user and info.data.get("api_key_file") is not None:
            raise ValueError(_NOT_BOTH)
        return value

    @field_validator("api_password")
    @classmethod
    def _one_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        file: Path | str | None = info.data.get("api_password_file", "")
        if value is None and file is None and info.data.get("api_username") is not None:
            msg = "the user of the API needs a password: set api_password_file"
            raise ValueError(msg)
        if value is not None and file:
            msg = "set the password or the file with the password, not both"
            raise ValueError(msg)
        return value

    @field_validator("api_ca_file", "api_server_name")
    @classmethod
    def _only_with_tls_of_an_api(cls, value: object, info: ValidationInfo) -> object:
        urls = _urls(info.data)
        if value is not None and urls and all(url.startswith("http://") for url in urls):
            msg = "needs TLS: write https:// in the URL, or remove this setting"
            raise ValueError(msg)
        return value


def _urls(data: Mapping[str, Any]) -> list[str] | None:
    """Return the URLs of all APIs; None if it is not known, because one is wrong."""
    if not {"api_url", "api_services"} <= data.keys():
        return None
    url = data["api_url"]
    return [*([] if url is None else [url]), *data["api_services"].values()]


_NOT_BOTH = "set a user with a password, or a key file, not both"
