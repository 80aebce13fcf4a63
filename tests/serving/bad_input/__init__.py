"""Bad input, class by class: what is sent, and which problem answers it."""

from bad_input.connection import CONNECTION
from bad_input.event import EVENTS
from bad_input.form import FORM
from bad_input.key import KEYS
from bad_input.request import Class, Part
from bad_input.route import ROUTES
from bad_input.schema import SCHEMA
from bad_input.value import VALUES

__all__ = ["CLASSES", "Class", "Part"]

CLASSES = CONNECTION | ROUTES | FORM | SCHEMA | VALUES | EVENTS | KEYS
