"""
Writes rows to whichever server of a PostgreSQL cluster takes them, and looks at each of the servers.

postgres_program.py USER PASSWORD PORT...
"""
import sys
import threading
import time

import driver
import psycopg2

PAUSE_S = 0.1


class Rows:
    """Numbers from 1, each written until a server says that it has it."""

    def __init__(self, user, password, ports):
        self.login = {"user": user, "password": password, "dbname": "postgres", "connect_timeout": 3}
        self.ports = ports
        self.acknowledged = 0
        self.is_over = False
        self.thread = None
        self.failures = {}

    def primary(self):
        hosts = ",".join("127.0.0.1" for _ in self.ports)
        ports = ",".join(self.ports)
        connection = psycopg2.connect(host=hosts, port=ports, target_session_attrs="read-write", **self.login)
        connection.autocommit = True
        return connection

    def query(self, port, text):
        connection = psycopg2.connect(host="127.0.0.1", port=port, **self.login)
        try:
            with connection.cursor() as cursor:
                cursor.execute(text)
                return cursor.fetchone()
        finally:
            connection.close()

    def create(self):
        connection = self.primary()
        try:
            with connection.cursor() as cursor:
                cursor.execute("CREATE TABLE numbers (number integer PRIMARY KEY)")
        finally:
            connection.close()
        return "created"

    def load(self, per_second):
        self.thread = threading.Thread(target=self.write, args=(int(per_second),), daemon=True)
        self.thread.start()
        return "started"

    def write(self, per_second):
        connection = None
        is_under_way = False
        while is_under_way or not self.is_over:
            is_under_way = True
            try:
                connection = connection or self.primary()
                self.insert(connection, self.acknowledged + 1)
                self.acknowledged += 1
                is_under_way = False
                time.sleep(1 / per_second)
            except psycopg2.Error as error:
                # The server is gone, or no primary any more: the row may be there or not, so it is written again.
                self.failures[type(error).__name__] = self.failures.get(type(error).__name__, 0) + 1
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(PAUSE_S)

    @staticmethod
    def insert(connection, number):
        with connection.cursor() as cursor:
            # What is there already is written again: else nobody would wait for its replication.
            again = "ON CONFLICT (number) DO UPDATE SET number = excluded.number"
            cursor.execute(f"INSERT INTO numbers VALUES (%s) {again}", (number,))
        # A commit whose replication nobody waited for is told by a warning alone.
        doubts = [notice for notice in connection.notices if "might not have been replicated" in notice]
        del connection.notices[:]
        if doubts:
            raise psycopg2.OperationalError(doubts[0])

    def finish(self):
        self.is_over = True
        self.thread.join()
        return self.acknowledged

    def rows(self, port):
        found = self.query(port, "SELECT count(*), coalesce(max(number), 0) FROM numbers")
        return f"rows={found[0]} last={found[1]}"


def main():
    user, password, *ports = sys.argv[1:]
    rows = Rows(user, password, ports)
    driver.run(
        {
            "create": rows.create,
            "load": rows.load,
            "acknowledged": lambda: rows.acknowledged,
            "failures": lambda: rows.failures,
            "finish": rows.finish,
            "rows": rows.rows,
            "show": lambda port, name: rows.query(port, f"SHOW {name}")[0],
        }
    )


main()
