"""The one error that bad input raises."""


class Refused(Exception):
    """Input or state that cannot be used. Says what was expected, what came, where, and what to do."""
