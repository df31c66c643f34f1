"""The makers of the generated documents; each returns text by file name and writes nothing."""
