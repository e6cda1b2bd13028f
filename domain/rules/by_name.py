"""Enums in JSON and TOML, by name."""

from enum import Enum

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class ByName:
    """Makes pydantic read and write an enum member as its name, since its value is a sentence that may change."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Enum], _handler: GetCoreSchemaHandler) -> CoreSchema:
        members = dict(source.__members__)
        name = core_schema.custom_error_schema(
            core_schema.literal_schema([*members]), "word", custom_error_message=f"must be one of {', '.join(members)}"
        )
        written = core_schema.plain_serializer_function_ser_schema(lambda member: member.name)
        return core_schema.no_info_after_validator_function(members.__getitem__, name, serialization=written)
