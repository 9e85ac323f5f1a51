"""The configuration: the YAML schema, its defaults, precedence and messages."""
