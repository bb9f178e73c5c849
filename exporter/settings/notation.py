"""How values are written in the settings file: the schema by which editors check it.

A schema cannot say everything that the settings check. It refuses nothing that they accept, but for
what a file does not need: numbers and switches in quotes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from dataflows.service_levels import MAX_SECONDS
from dataflows.subsystems import OPTIONAL
from exporter.settings.api_url import SERVICES

_LENGTH = r"\s*([0-9]{1,5}[smhd]|today)\s*"
_LEVEL = r"\s*([^,]*=\s*)?[0-9]{1,4}\s*"

_ApiUrl = Annotated[str, Field(pattern=r"^\s*[Hh][Tt][Tt][Pp][Ss]?://")]
_BusUrl = Annotated[str, Field(pattern=r"^\s*[Aa][Mm][Qq][Pp][Ss]?://")]
_Lengths = Annotated[str, Field(pattern=f"^{_LENGTH}(,{_LENGTH})*$")]
_Levels = Annotated[str, Field(pattern=f"^{_LEVEL}(,{_LEVEL})*$")]
_Seconds = Annotated[int, Field(ge=1, le=MAX_SECONDS)]

WrittenAddress = Annotated[str, Field(pattern=r":[0-9]{1,5}$")]
WrittenAddresses = str | list[WrittenAddress]
WrittenApiServices: Any = str | list[str] | dict[Literal[SERVICES], _ApiUrl]  # type: ignore[valid-type]  # names at run time
WrittenApiUrl = _ApiUrl
WrittenBusUrls = _BusUrl | Annotated[list[_BusUrl], Field(min_length=1)]
WrittenLength = Annotated[str, Field(pattern=r"^\s*[0-9]{1,5}[smhd]\s*$")]
WrittenServiceLevels = _Seconds | _Levels | Annotated[list[_Seconds | _Levels], Field(min_length=1)]
WrittenWindows = _Lengths | Annotated[list[_Lengths], Field(min_length=1)]
WrittenSubsystems: Any = str | Annotated[list[Literal[OPTIONAL]], Field(min_length=1)]  # type: ignore[valid-type]  # names at run time
