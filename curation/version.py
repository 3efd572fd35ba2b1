"""The version of the code, as manifests carry it."""

CODE = "0.1.0"
