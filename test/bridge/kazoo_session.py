"""A kazoo client that does as it is told on its standard input, and prints each answer and each event as JSON."""
import json
import logging
import sys
import threading

from kazoo.client import KazooClient

lock = threading.Lock()


def say(**what):
    with lock:
        print(json.dumps(what), flush=True)


class Pings(logging.Handler):
    """kazoo tells of each answer to a ping in its log alone."""

    def emit(self, record):
        if "Received Ping" in record.getMessage():
            say(event="ping")


class Told(KazooClient):
    pass


def stat_of(stat):
    return {"version": stat.version, "ephemeralOwner": stat.ephemeralOwner, "czxid": stat.czxid}


def run(client, command, args):
    if command == "create":
        path, data, ephemeral = args
        return client.create(path, data.encode(), ephemeral=ephemeral)
    if command == "large":
        path, count = args
        return client.create(path, b"x" * count)
    if command == "get":
        data, stat = client.get(args[0])
        return {"length": len(data), "text": data[:40].decode(), **stat_of(stat)}
    if command == "set":
        return stat_of(client.set(args[0], args[1].encode()))
    if command == "watch":
        client.get(args[0], watch=lambda event: say(event="watch", type=event.type, path=event.path))
        return True
    if command == "multi":
        transaction = client.transaction()
        for path in args:
            transaction.create(path, b"")
        return [str(result) for result in transaction.commit()]
    if command == "many":
        path, count = args
        answers = [client.set_async(path, str(index).encode()) for index in range(count)]
        return [answer.get(timeout=60).version for answer in answers][-1]
    if command == "session":
        return {"id": client.client_id[0], "timeout": client._session_timeout}
    if command == "word":
        return client.command(args[0].encode())
    if command == "close":
        client.stop()
        return True
    raise ValueError(command)


def main():
    hosts, timeout = sys.argv[1], float(sys.argv[2])
    logger = logging.getLogger("told")
    logger.setLevel(1)
    logger.addHandler(Pings())
    client = Told(hosts=hosts, timeout=timeout, logger=logger, connection_retry={"max_tries": -1, "max_delay": 0.5})
    client.add_listener(lambda state: say(event="state", state=state))
    client.start(timeout=30)
    say(event="ready")
    for line in sys.stdin:
        number, command, *args = json.loads(line)
        try:
            say(answer=number, value=client.retry(run, client, command, args))
        except Exception as error:
            say(answer=number, error=f"{type(error).__name__}: {error}")


main()
