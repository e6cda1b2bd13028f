"""Enums in JSON and TOML, by name."""

from enum import Enum

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


class ByName:
    """Makes pydantic read and write an enum member as its name, since its value is a sentence that may change."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Enum], _handler: GetCoreSchemaHandler) -> CoreSchema:
        def member(name: object) -> Enum:
            if isinstance(name, str) and name in source.__members__:
                return source[name]
            raise PydanticCustomError("word", "must be one of " + ", ".join(source.__members__))

        written = core_schema.plain_serializer_function_ser_schema(lambda member: member.name)
        return core_schema.no_info_plain_validator_function(member, serialization=written)
