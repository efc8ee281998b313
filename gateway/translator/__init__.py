"""Words of other vocabularies, and ours for them. A code never travels as a bare number: legacy 101 is not v2 101."""

from gateway.translator.legacy import LEGACY, PRIORITIES, LegacyCode
from gateway.translator.v2 import status_of

__all__ = ["LEGACY", "PRIORITIES", "LegacyCode", "status_of"]
