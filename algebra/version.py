"""The version of this library, also a field of every cache key."""

VERSION = "0.1.0"
