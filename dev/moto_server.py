"""AWS on loopback for the local stack and the tests: Step Functions, Secrets Manager and SQS, by moto.

    MOTO_PORT=<port of the gateway> .dev/venv/bin/python dev/moto_server.py -H 127.0.0.1 -p <port of its own>

moto ships a real interpreter of the Amazon States Language, which is off unless asked for: with it the very file that is
deployed runs here. It invokes functions at http://localhost:$MOTO_PORT, so MOTO_PORT names the stack's gateway, which
passes Lambda calls to our binaries and everything else back to this server.

Known limits of the interpreter: no JSONata, no ItemBatcher, and StartExecution needs a name.
"""

import logging
import os
import sys

from moto.core.config import default_user_config
from moto.server import main


def run(arguments: list[str]) -> None:
    # moto talks to the gateway only; a proxy of the user's must not come between.
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    # A line per request would bury what matters in the stack's log.
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    main(arguments)


if __name__ == "__main__":
    if "MOTO_PORT" not in os.environ:
        sys.exit("moto_server: MOTO_PORT must name the port of the gateway, where functions are invoked")
    run(sys.argv[1:])
