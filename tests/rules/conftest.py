"""The same settings as all tests have, for runs that see no other folder than this one."""

from hypothesis import settings

from tests.support import trying

settings.load_profile(trying.PROFILE)
