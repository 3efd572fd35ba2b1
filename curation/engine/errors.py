"""
Every error that an engine raises on purpose:

DataError
├── BadInput      the data or the file cannot be used; its owner can fix it; never retried
├── BadConfig     the settings contradict each other or are out of range (also a ValueError)
├── Refused       a rule of the project says no: a guard, a missing check, an unconfirmed eval split
├── EndpointFault an endpoint did not answer as it should; its kinds are in curation.engine.llm.faults
└── Stopped       the work was taken from this worker
    ├── Cancelled somebody pressed stop
    ├── Paused    somebody pressed pause; the part goes on later from its checkpoint
    ├── Waiting   the part goes on when something else is over, and holds no worker until then
    ├── Leaving   the worker was told to stop; the part goes back to the queue
    └── Fenced    this attempt was given up for lost and another worker has the part

The text of each is a sentence for the person who started the run.
"""


class DataError(Exception):
    """Base of the errors that are meant for a reader."""


class BadInput(DataError):
    """The data cannot be processed as it is."""


class BadConfig(DataError, ValueError):
    """The settings contradict each other or are out of range."""


class Refused(DataError):
    """A rule of the project forbids this; the sentence says which, and what would lift it."""


class Stopped(DataError):
    """The work was taken from this worker; nothing it does from here on counts."""


class Cancelled(Stopped):
    """The run was stopped before it finished."""


class Paused(Stopped):
    """The run is paused."""


class Waiting(Stopped):
    """Nothing can be done before something else is over."""


class Leaving(Stopped):
    """This worker is on its way out."""


class Fenced(Stopped):
    """Another worker holds this part now."""
