"""The version, written out: `importlib.metadata` costs more import time than the rest of the SDK."""

__version__ = "0.1.0"
LIBRARY = "trackway-python"
