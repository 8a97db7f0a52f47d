"""`python -m adapters.probe [live|ready]`: requests the service at SPARRING_METRICS. For a container's health check.

Exit codes: 0 yes, 1 no (the answer is printed), 2 wrong usage. Only the standard library: it runs every few seconds.
"""

import http.client
import os
import sys

WITHIN_S = 3.0
QUESTIONS = ("live", "ready")
ANY = ("0.0.0.0", "::", "")  # noqa: S104  # nothing is bound here: these are asked for on loopback


def main(arguments: list[str]) -> int:
    """One question, one answer."""
    question = arguments[0] if arguments else "ready"
    address = os.environ.get("SPARRING_METRICS", "")
    host, _, port = address.rpartition(":")
    if question not in QUESTIONS or not port.isdecimal() or port == "0":
        sys.stderr.write(
            f"asked {question!r} of SPARRING_METRICS={address!r}; expected live or ready, and host:port with the "
            "port at which the service listens\n"
        )
        return 2
    connection = http.client.HTTPConnection("127.0.0.1" if host in ANY else host.strip("[]"), int(port), WITHIN_S)
    try:
        connection.request("GET", f"/{question}")
        answer = connection.getresponse()
        sys.stdout.write(answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"nobody answers at {address}: {error!r}\n")
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
