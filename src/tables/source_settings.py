"""What a source's source.yaml says, as readable classes."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tables.moment import zone_of
from tables.refusal import Refused

SETTINGS = "source.yaml"
VIEW_NAME = r"^[a-z][a-z0-9_]*$"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FileSettings(Strict):
    """One view on files. The options concern CSV only."""

    path: str
    encoding: str = "utf-8"
    delimiter: str = Field(default=",", min_length=1, max_length=4)
    quote: str = Field(default='"', max_length=1)
    missing: str = ""


class PostgresSettings(Strict):
    """Rows of a PostgreSQL database; `${NAME}` in the uri is taken from the environment."""

    uri: str
    tables: dict[str, str]


class SourceSettings(Strict):
    name: str = Field(min_length=1)
    description: str = ""
    time_zone: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    minor_units: int = Field(gt=0)
    files: dict[str, FileSettings] = {}
    postgres: PostgresSettings | None = None

    @field_validator("files", mode="before")
    @classmethod
    def _a_path_alone_will_do(cls, files: Any) -> Any:
        if not isinstance(files, dict):
            return files
        return {view: {"path": said} if isinstance(said, str) else said for view, said in files.items()}


def read_settings(source: Path) -> SourceSettings:
    """Read `source`/source.yaml; raises Refused with every key that is wrong."""
    path = source / SETTINGS
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refused(f"{source}: expected a folder with {SETTINGS} and one .sql a table") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refused(f"{path}: expected YAML in UTF-8; {error}") from error
    try:
        settings = SourceSettings.model_validate(said)
    except ValidationError as error:
        wrong = "\n".join(
            f"  {'.'.join(str(part) for part in one['loc']) or 'the file'}: {one['msg']}, "
            f"came {one['input']!r:.80}"
            for one in error.errors()
        )
        raise Refused(
            f"{path}: expected name, time_zone (IANA), currency (three letters), minor_units, and "
            f"files or postgres; wrong are\n{wrong}"
        ) from error
    zone_of(settings.time_zone)
    _refuse_names(path, settings)
    return settings


def _refuse_names(path: Path, settings: SourceSettings) -> None:
    names = [*settings.files, *(settings.postgres.tables if settings.postgres else ())]
    for name in names:
        if not re.match(VIEW_NAME, name):
            raise Refused(
                f"{path}: a view's name is small letters, digits and _, starting with a letter; came {name!r}"
            )
        if names.count(name) > 1:
            raise Refused(f"{path}: {name} is named under files and under postgres; rename one")


def with_environment(text: str, path: Path) -> str:
    """Put the environment's values in the place of each `${NAME}`."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise Refused(
                f"{path}: the environment has no {match[1]}; set it, as in "
                f"{match[1]}=postgresql://reader@host:5432/shop"
            )
        return os.environ[match[1]]

    return re.sub(r"\$\{(\w+)\}", value, text)
