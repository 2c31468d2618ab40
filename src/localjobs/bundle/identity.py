"""Who deploys: the person whose name marks development resources."""

import getpass
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Identity:
    """The user that `${workspace.current_user…}` speaks of."""

    user_name: str
    id: str = "0"

    @property
    def short_name(self) -> str:
        """The part before the @, in characters that every resource name may have."""
        return re.sub(r"[^a-z0-9]+", "_", self.user_name.partition("@")[0].lower()).strip("_")


def local_identity() -> Identity:
    """The user of this machine."""
    return Identity(f"{getpass.getuser()}@localhost")
