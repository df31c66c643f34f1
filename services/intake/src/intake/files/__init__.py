"""Files that go with a report: known by their content, cleaned in a process apart, and kept sealed."""
