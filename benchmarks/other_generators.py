"""Public event generators beside ours: each installed from PyPI into an environment that is thrown away afterwards.

Each makes two kinds of records, where it can: a flat page view with random ids, which it is fastest at, and one of a
customer or an order with names and addresses. Theirs refer to nothing; ours are the whole shop, in which ids refer to
each other. Start-up is not counted, neither theirs nor ours.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path

CUSTOMER = """who = {"type": "customer_registered", "event_id": fake.uuid4(), "occurred_at_ms": fake.unix_time() * 1000,
               "name": fake.name(), "email": fake.email(), "street": fake.street_address(), "city": fake.city(),
               "postcode": fake.postcode()}
        """
FAKER = """
import json, sys, time
from faker import Faker
fake = Faker(); fake.seed_instance(7)
events, began = int(sys.argv[1]), time.process_time()
with open("events.jsonl", "w") as out:
    for n in range(events):
        view = {"type": "product_viewed", "event_id": fake.uuid4(), "occurred_at_ms": fake.unix_time() * 1000,
                "session_id": fake.uuid4(), "product_id": fake.bothify("p-####")}
        out.write(json.dumps(view) + "\\n")
print(json.dumps({"events": events, "cpu_s": time.process_time() - began}))
"""
FAKER_CUSTOMER = FAKER.replace(FAKER[FAKER.index("view = ") : FAKER.index("out.write")], CUSTOMER).replace(
    "dumps(view)", "dumps(who)"
)
KHAOS = """
import json, sys, time
from khaos.generators.schema import SchemaPayloadGenerator
from khaos.models.schema import FieldSchema
fields = [{"name": "type", "type": "enum", "values": ["product_viewed"]}, {"name": "event_id", "type": "uuid"},
          {"name": "occurred_at", "type": "timestamp"}, {"name": "session_id", "type": "int", "min": 0, "max": 9999},
          {"name": "product_id", "type": "int", "min": 0, "max": 299}]
generator = SchemaPayloadGenerator([FieldSchema.from_dict(field) for field in fields])
events, began = int(sys.argv[1]), time.process_time()
with open("events.jsonl", "wb") as out:
    for n in range(events):
        out.write(generator.generate() + b"\\n")
print(json.dumps({"events": events, "cpu_s": time.process_time() - began}))
"""
KHAOS_ORDER = (
    KHAOS[: KHAOS.index("fields = ")]
    + """import khaos, pathlib, yaml
scenario = pathlib.Path(khaos.__file__).parent / "bundled_scenarios" / "flows" / "ecommerce-orders.yaml"
fields = yaml.safe_load(scenario.read_text())["topics"][0]["message_schema"]["fields"]
"""
    + KHAOS[KHAOS.index("generator = ") :]
)
DESFLOW_PAYLOAD = """
import random
rng = random.Random(7)
def view(task_id, context):
    return {"type": "product_viewed", "event_id": task_id, "session_id": f"s-{rng.randrange(10000)}",
            "product_id": f"p-{rng.randrange(300)}"}
"""
DESFLOW_BLUEPRINT = """
simulation: {sim_id: Shop, factor: 0, random_seed: 7}
arrivals:
  views: {dist: exponential, rate: 100, spawn: view}
tasks:
  view: {payload: !python payload.view}
egress:
  - {type: Jsonl, batch_size: 5000, config: {default_path: events/events.jsonl}}
run: {until: UNTIL}
"""
DESFLOW = """
import glob, json, os, resource, subprocess, sys
events = int(sys.argv[1])
blueprint = open("shop.yaml").read()
def run(seconds):
    open("run.yaml", "w").write(blueprint.replace("UNTIL", str(seconds)))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [os.path.join(os.path.dirname(sys.executable), "desflow"), "run", "run.yaml"]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": "."})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
start_up = run(1)
made = sum(sum(1 for _ in open(path)) for path in glob.glob("events/*"))
cpu_s = run(events // 100) - start_up
made = sum(sum(1 for _ in open(path)) for path in glob.glob("events/*")) - made
print(json.dumps({"events": made, "cpu_s": cpu_s}))
"""

DBLDATAGEN = """
import json, os, pathlib, sys, time
import dbldatagen
from pyspark.sql import SparkSession
from shoplake.publish.spark_context import spark_context

def cpu_s(pid):  # ours, and Java's
    times = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK") + time.process_time()

def make(spark, events, folder):
    views = (dbldatagen.DataGenerator(spark, rows=events, partitions=1, randomSeed=7)
        .withColumn("type", "string", values=["product_viewed"]).withColumn("event_id", "string", expr="uuid()")
        .withColumn("occurred_at_ms", "long", minValue=1756684800000, maxValue=1759276800000, random=True)
        .withColumn("session_id", "int", minValue=0, maxValue=9999, random=True)
        .withColumn("product_id", "int", minValue=0, maxValue=299, random=True))
    views.build().write.json(folder)

events = int(sys.argv[1])
with spark_context("local[1]") as context:
    spark, java = SparkSession(context), context._gateway.proc.pid
    make(spark, events // 4, "warm")
    began = cpu_s(java)
    make(spark, events, "events")
    print(json.dumps({"events": events, "cpu_s": cpu_s(java) - began}))
"""


@dataclass(frozen=True, slots=True)
class Other:
    """A generator to compare with.

    Attributes:
        requirement: what pip installs.
        what: how it is used here.
        script: makes events and prints how many and in which CPU time.
        files: that the script also needs.
        events: to make.
        flat: a record is a few values that have nothing to do with each other, as in no shop: the nearest of ours are
            the clicks, so it is compared with these alone.
        beside: what pip installs with it, and nothing else: then it runs in our environment, which has Spark and Java.
    """

    requirement: str
    what: str
    script: str
    files: tuple[tuple[str, str], ...] = ()
    events: int = 100_000
    flat: bool = False
    beside: tuple[str, ...] = ()


ON_SPARK = Other(
    "dbldatagen==0.4.0.post1",
    "five columns, each random by itself, on local[1] to JSON lines; Java and Python together",
    DBLDATAGEN,
    events=4_000_000,
    flat=True,
    beside=("pandas<3", "pyparsing", "jmespath", "python-dateutil", "pytz", "six"),
)
OTHERS = (
    Other("faker==40.1.0", "a plain loop, four Faker calls and json.dumps per event, to a file", FAKER, flat=True),
    Other("faker==40.1.0", "the same, with a customer's name, mail and address", FAKER_CUSTOMER, events=20_000),
    Other("khaos-cli==0.7.1", "its payload generator and JSON serialiser, to a file; no broker", KHAOS, flat=True),
    Other("khaos-cli==0.7.1", "the same, with its own e-commerce orders", KHAOS_ORDER, events=10_000),
    Other(
        "desflow[parquet]==0.25.0",
        "arrivals at full speed, one task with a payload of two random ids, its JSONL writer",
        DESFLOW,
        (("payload.py", DESFLOW_PAYLOAD), ("shop.yaml", DESFLOW_BLUEPRINT)),
        flat=True,
    ),
)


def show(shop: float, clicks: float) -> None:
    """Print each one's speed, and ours against the fastest of each kind.

    Args:
        shop: events of all kinds per CPU second, to JSON lines, by one process of ours.
        clicks: the same of the clicks alone.
    """
    print(f"ours, by one process to JSON lines: the whole shop {shop:,.0f} events per CPU second, clicks {clicks:,.0f}")
    rates = [(other.flat, _shown(clicks if other.flat else shop, other)) for other in OTHERS]
    for flat, kind, ours in ((False, "records of people and orders", shop), (True, "flat records", clicks)):
        print(f"ours against the fastest with {kind}: {ours / max(r for f, r in rates if f == flat):.3g} times as fast")
    if importlib.util.find_spec("pyspark") is None:
        print("dbldatagen: left out, as the extra `spark` is not installed")
    else:
        _shown(clicks, ON_SPARK)


def _shown(ours: float, other: Other) -> float:
    rate = measured(other)
    print(f"{other.requirement}, {other.what}:")
    print(f"  {rate:,.0f} events per CPU second; ours is {ours / rate:.3g} times as fast", flush=True)
    return rate


def measured(other: Other) -> float:
    """Events per CPU second of one of them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        venv.create(home / "env", with_pip=True)
        python = home / "env" / "bin" / "python"
        install = [str(python), "-m", "pip", "install", "-q", *(["--no-deps"] if other.beside else [])]
        subprocess.run([*install, other.requirement, *other.beside], check=True, stdout=sys.stderr)
        for name, text in (*other.files, ("generate.py", other.script)):
            (home / name).write_text(text)
        libraries = sysconfig.get_path("purelib", vars={"base": str(home / "env")})
        command = [sys.executable if other.beside else python, "generate.py", str(other.events)]
        environment = os.environ | ({"PYTHONPATH": libraries} if other.beside else {})
        done = subprocess.run(
            command, cwd=home, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        found = json.loads(done.stdout)
        return float(found["events"] / found["cpu_s"])
