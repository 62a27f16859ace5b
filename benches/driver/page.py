"""The page docs/benchmarks.md, from the results alone."""

from statistics import median

from driver.contenders import TWINS, contenders
from driver.growth import SIZES

TITLES = {contender.key: contender.title for contender in contenders(None)}


def write(results: dict) -> str:
    parts = [
        head(results),
        the_five(results),
        what_differs(results),
        the_twins(results),
        the_lag(results),
        the_growth(results),
    ]
    return "\n".join(part for part in parts if part)


def table(names: list[str], rows: list[list[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def noticed(turn: dict) -> bool:
    """Whether a contender failed on a twin, by the check that is about its defect."""
    twin = next(twin for twin in TWINS if twin.name == turn["subject"])
    return turn["exit_code"] != 0 and twin.notices in turn["failed"]


def head(results: dict) -> str:
    rows = [[name, text] for name, text in results["machine"].items()]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    loads = [turn["load_before"] for turn in results["turns"]]
    load = f"{median(loads):.1f} (median), {max(loads):.1f} (most)" if loads else "not measured"
    lacking = missing(results)
    interrupted = f"\nThe run was interrupted before {lacking}; `benches/bench --continue` takes the turns that it lacks.\n" if lacking else ""
    rows += [["peers", versions], ["load average before a turn", load]]
    return f"""# Benchmarks

`make bench` measures and writes this page; change `benches/`, not the page. Everything was measured in one run on one machine:

{table(["what", "value"], rows)}
The contenders take turns, so that what disturbs the machine disturbs all of them. The load before a turn still holds what is left of
the turn before; where its median is far above the number of cores, something else was running.
{interrupted}"""


def missing(results: dict) -> str:
    """What a whole bench lacks, in words; nothing of one for which only some parts were asked."""
    if not results["is_whole"]:
        return ""
    wanted = {
        "the last round": len(TITLES) * results["rounds"] - len(results["turns"]),
        "the last twins": len(TWINS) * sum(contender.takes_twins for contender in contenders(None)) - len(results["twins"]),
        "all sizes of the growing stack": len(SIZES) - len(results["growth"]),
    }
    return " and ".join(name for name, count in wanted.items() if count > 0)


def the_five(results: dict) -> str:
    turns = results["turns"]
    keys = sorted({turn["contender"] for turn in turns})
    passed = {key: [t["seconds"] for t in turns if t["contender"] == key and t["exit_code"] == 0] for key in keys}
    base = median(passed["a"]) if passed.get("a") else None
    rows = []
    for key in keys:
        rounds = sum(1 for turn in turns if turn["contender"] == key)
        seconds = passed[key]
        rows.append(
            [
                key,
                TITLES[key],
                f"{median(seconds):.1f} s" if seconds else "no time",
                f"{min(seconds):.1f}–{max(seconds):.1f} s" if seconds else "",
                f"{median(seconds) / base:.2f}" if seconds and base else "",
                str(results["lines"].get(key, 0)),
                f"{len(seconds)} of {rounds}",
            ]
        )
    names = ["", "contender", "median", "range", "against a", "lines of test code", "rounds passed"]
    counts = results["counts"].get("b")
    everything = f" b makes all of its checks that apply: {counts['checks']}, in {counts['experiments']} experiments." if counts else ""
    return f"""## Five checks on the reference

The stack is [FastAPI and PostgreSQL](../stacks/fastapi-postgres/). The five: the app is not ready before its database accepts; it waits
for a database that comes six seconds late, in the same process; it stops on SIGTERM within ten seconds, not by SIGKILL; it does not
run as root; it answers 503 within five seconds when its database is killed, stays at it, and recovers within fifteen seconds of the
database, in the same process.{everything}

{table(names, rows)}
The time is that of the whole command, from its start to its end, with everything removed again. A round that failed has no time.
"""


def what_differs(results: dict) -> str:
    if not {"a", "b"} & {turn["contender"] for turn in results["turns"]}:
        return ""
    return """## What the times hold

- Images, programs and test code are built before; every contender finds a warm cache. Seaworthy asks Compose for its build in every
  run all the same, and starts the stack once with nothing disturbed before it disturbs anything.
- Seaworthy starts a copy of the stack for every experiment, several at a time. c and d start one stack for three of the five and one for
  each of the others, one after the other, as bash and pytest do by default. e starts a stack for each scenario, all of them at once, as
  cucumber does by default.
- Seaworthy keeps the database dead for ten seconds, asks ten times a second all the while, and watches the processes of the app from its
  start to its end. The others keep it dead for as long as their assertions take, about three seconds, and list the processes once.
- c shortens the interval of the health checks at the start to half a second, because `--wait` waits for them. d and e don't wait for
  health checks. d runs without Ryuk, the container that removes what a killed test leaves.
- c to e judge this one stack. What they know of it (names, paths, the user of the database) is written into them; Seaworthy reads it from
  the compose file, the paths from the contract in it (`x-seaworthy`).
"""


def the_twins(results: dict) -> str:
    if not results["twins"]:
        return ""
    keys = sorted({turn["contender"] for turn in results["twins"]})
    found = {(turn["subject"], turn["contender"]): turn for turn in results["twins"]}

    def cell(twin: str, key: str) -> str:
        turn = found.get((twin, key))
        if turn is None:
            return ""
        failed = ", ".join(f"`{name}`" for name in turn["failed"]) or "nothing"
        return f"{'noticed' if noticed(turn) else '**missed**'}: {failed} ({turn['seconds']:.0f} s)"

    rows = [
        [f"[{twin.name}](../stacks/defects/{twin.name}/)", twin.defect, *(cell(twin.name, key) for key in keys)]
        for twin in TWINS
        if any((twin.name, key) in found for key in keys)
    ]
    return f"""## Broken twins

A suite that passes proves little. Each contender also runs once on the reference with one defect, and must fail by the check that is about it.
The cells name the checks that failed.

{table(["twin", "its app", *keys], rows)}"""


def the_lag(results: dict) -> str:
    if not results["lags"]:
        return ""
    total = sorted(total for total, _ in results["lags"])
    wait = sorted(wait for _, wait in results["lags"])
    nine_of_ten = min(len(total) - 1, round(0.9 * (len(total) - 1)))
    row = [str(len(total)), f"{median(total):.0f} ms", f"{total[nine_of_ten]:.0f} ms", f"{total[-1]:.0f} ms", f"{median(wait):.0f} ms"]
    return f"""## Lag of readiness

How long after the app's own log says that it is connected to its database does Seaworthy see the first 2xx? From the saved runs of a and b, for
every experiment in which the app said so after its start and nothing was disturbed before the answer:

{table(["starts", "median", "nine of ten within", "most", "until the request was sent (median)"], [row])}
Seaworthy asks ten times a second. The rest of the lag is the time that the app took to answer.
"""


def the_growth(results: dict) -> str:
    turns = results["growth"]
    if not turns:
        return ""
    rows, base = [], None
    for size in SIZES:
        of_size = [turn for turn in turns if turn["subject"] == f"growth-{size}"]
        if not of_size:
            continue
        seconds = [turn["seconds"] for turn in of_size if turn["exit_code"] == 0]
        time = median(seconds) if seconds else None
        base = base or time
        counts = results["counts"].get(f"growth-{size}", {})
        failed = sorted({name for turn in of_size for name in turn["failed"]})
        rows.append(
            [
                str(size),
                str(counts.get("checks", "")),
                str(counts.get("experiments", "")),
                f"{time:.0f} s" if time else "no time",
                f"{time / base:.2f}" if time else "",
                ", ".join(failed) or "none",
                f"{len(seconds)} of {len(of_size)}",
            ]
        )
    rounds = max(turn["round"] for turn in turns)
    names = ["dependencies", "checks that ran", "experiments", "median", "against the first", "failed checks", "rounds passed"]
    return f"""## More dependencies

All checks (as b) on [a small app](../benches/growth/) that needs one, two, four and eight Redis servers, in {'one round' if rounds == 1 else f'{rounds} rounds'}.
Checks about an outage run once for each dependency, and an experiment that starts anything starts the whole stack.

{table(names, rows)}"""
