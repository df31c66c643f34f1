"""Events and codes that cross a wall between services, one file per speaker."""
