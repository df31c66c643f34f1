"""What can keep a private server from running, each as one sentence that says what to do."""


class ServerError(Exception):
    """A private server cannot run; the text is fit to show to a person."""


class ProgramMissing(ServerError):
    """A server program is not on this machine, or only in a version that is too old."""


class FolderInUse(ServerError):
    """Another process holds the data folder, or a server of an earlier start still runs in it."""


class FolderUnusable(ServerError):
    """The data folder belongs to someone else, or its data to another version of the server."""


class PortTaken(ServerError):
    """A port that must be this one is in use by another program."""


class StartFailed(ServerError):
    """The server ended, or was not ready in time; the text ends with the last lines of its log."""
