"""The edges: one folder per protocol, each a pair of codecs between bytes and the core's types.

An adapter does no I/O, reads no clock, no environment and no global;
`docs/ADDING_AN_ADAPTER.md` tells how to write one.
"""
