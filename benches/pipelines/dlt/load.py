"""An import by dlt, as its documentation shows it: JSON Lines over HTTP, merged into Postgres by primary key."""

import json
import os
import re
import shutil
import tempfile
import time
import urllib.request
from contextlib import closing

home = tempfile.mkdtemp()
os.environ["DLT_DATA_DIR"] = home
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402
import psycopg2  # noqa: E402

TABLES = {"Product": "products", "ProductVariant": "product_variants"}


@dlt.source
def shopify(url):
    @dlt.resource(primary_key="id", write_disposition="merge", table_name=lambda row: TABLES.get(row["__typename"], "others"))
    def lines():
        with urllib.request.urlopen(url) as response:
            page = []
            for line in response:
                page.append(json.loads(line))
                if len(page) == 1000:
                    yield page
                    page = []
            yield page

    return lines


def load():
    begin = time.perf_counter()
    pipeline = dlt.pipeline("bench", destination=dlt.destinations.postgres(os.environ["DATABASE_URL"]), dataset_name="dlt_bench")
    pipeline.run(shopify(os.environ["FILE_URL"]))
    return time.perf_counter() - begin, pipeline.default_schema.data_table_names()


first, _ = load()
again, tables = load()
with closing(psycopg2.connect(os.environ["DATABASE_URL"])) as connection, connection.cursor() as cursor:
    count = " + ".join(f"(select count(*) from dlt_bench.{table})" for table in tables)
    cursor.execute(f"select {count}")
    rows = cursor.fetchone()[0]
shutil.rmtree(home)
# The ru_maxrss of a child counts what its parent had when it was forked; this does not.
with open("/proc/self/status") as status:
    peak_kb = int(re.search(r"^VmHWM:\s+(\d+) kB$", status.read(), re.MULTILINE)[1])
print(json.dumps({"first": first, "again": again, "rows": rows, "peak_kb": peak_kb}))
