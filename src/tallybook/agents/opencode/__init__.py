"""OpenCode's messages: rows of a database, or JSON files of the builds before it; forks copy them under new ids."""
