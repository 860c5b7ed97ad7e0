"""What people read, word for word: each story is compared with its golden transcript (see `transcript`)."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import Desk, fill
from tests.cli.histories import two_months
from tests.cli.transcript import SNAPSHOTS, Transcript


def test_no_golden_transcript_is_left_over() -> None:
    source = Path(__file__).read_text()
    assert [path.stem for path in sorted(SNAPSHOTS.iterdir()) if f'"{path.stem}"' not in source] == []


def test_init(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "support-bot")
    desk.write("prompts/system.md", "Cite the policy.\n")
    desk.write("config/routing.yaml", "temperature: 0.2\n")
    desk.write("data/train.jsonl", '{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n')
    told = Transcript(desk)
    told.type("init")
    told.type("init")
    told.compare("init")


def test_init_beside_a_file(tmp_path: Path) -> None:
    told = Transcript(fill(tmp_path / "bot"))
    told.type("init", "--pipeline", "other")
    told.type("init")
    told.compare("init-beside-a-file")


def test_commit(empty: Desk) -> None:
    told = Transcript(empty)
    told.type("commit", "-m", "first release")
    told.type("commit", "-m", "nothing new")
    empty.write("prompts/system.md", "You answer questions of customers.\nCite the policy, warmly.\n")
    told.note("somebody edits the prompt")
    told.type("commit", "-m", "warmer tone", "--tag", "v2")
    told.compare("commit")


def test_a_base_that_is_no_longer_the_latest(desk: Desk, tmp_path: Path) -> None:
    other = fill(tmp_path / "other")
    other.tell("--registry", str(desk.root), "commit")
    desk.commit("Cite nothing.", "-m", "shorter")
    other.write("config/routing.yaml", "temperature: 0.9\n")
    told = Transcript(other)
    told.note("somebody else commits r2, shorter")
    registry = ("--registry", "../bot")
    told.type(*registry, "status")
    told.type(*registry, "commit", "-m", "hotter")
    told.type(*registry, "commit", "-m", "hotter", "--onto", "latest")
    told.compare("stale-base")


def test_status(empty: Desk) -> None:
    told = Transcript(empty)
    told.type("status")
    empty.tell("commit", "-m", "first")
    empty.tell("deploy", "prod")
    told.note("r1 is committed and deployed")
    told.type("status")
    empty.write("prompts/system.md", "You answer questions of customers.\nCite the policy, warmly.\n")
    empty.write("config/routing.yaml", "temperature: 0.9\ntop_p: 0.9\n")
    empty.write("models/adapter.bin", bytes(2_000))
    told.note("a prompt and a config are edited, a file comes")
    told.type("status")
    told.compare("status")


def test_blame(tmp_path: Path) -> None:
    told = Transcript(two_months(tmp_path / "bot").desk)
    told.type("blame", "instructions")
    told.type("blame", "prompts/system.md", "--env", "staging")
    told.type("blame", "routing")
    told.type("blame", "router")
    told.type("blame", "train", "--row", "t-1")
    told.type("blame", "llm")
    told.type("blame", "instruction")
    told.compare("blame")


def test_log(three: Desk) -> None:
    three.tell("tag", "r1", "v1")
    told = Transcript(three)
    told.type("log")
    told.type("log", "r2")
    told.type("log", "--component", "prompts", "-n", "1")
    told.type("log", "--env", "prod")
    told.compare("log")


def test_show(three: Desk) -> None:
    three.tell("tag", "r1", "v1")
    three.tell("rollback", "prod")
    three.tell("mark", "bad", "r3", "--why", "it cites nothing")
    told = Transcript(three)
    told.type("show", "v1")
    told.type("show", "r3")
    told.compare("show")


def test_diff(three: Desk) -> None:
    three.write("config/routing.yaml", "temperature: 0.9\nstop: [END]\n")
    three.write("models/router.bin", bytes(10_000))
    three.tell("commit")
    told = Transcript(three)
    told.type("diff", "prod~2", "prod")
    told.type("diff", "r1", "r4")
    told.type("diff", "r1", "r4", "--component", "router")
    told.type("diff", "r1", "r1")
    told.compare("diff")


def test_deploy(desk: Desk) -> None:
    told = Transcript(desk)
    told.type("deploy", "prod", "--dry-run")
    told.type("deploy", "prod", "--reason", "launch")
    told.type("deploy", "prod")
    desk.commit("Cite nothing.", "-m", "shorter")
    told.note("r2 is committed")
    told.type("deploy", "prod", "--expect", "7")
    told.type("deploy", "prod", "--expect", "1")
    desk.tell("rollback", "prod")
    told.note("prod is rolled back")
    told.type("deploy", "prod")
    desk.write("lastgood.toml", (desk.root / "lastgood.toml").read_text() + "[environments.prod]\ngates = [{ approvals = 1 }]\n")
    told.note("lastgood.toml declares a gate")
    told.type("deploy", "prod", "r1")
    told.type("policy", "apply")
    told.type("deploy", "prod", "r2")
    told.type("deploy", "prod", "r2", "--override", "--reason", "the shop is down")
    told.compare("deploy")


def test_rollback(three: Desk) -> None:
    told = Transcript(three)
    told.type("rollback", "prod", "--dry-run")
    told.type("rollback", "prod", "--reason", "complaints", "--verify")
    told.type("rollback", "prod")
    told.type("rollback", "prod")
    told.type("rollback", "prod", "--to", "r3")
    told.type("rollback", "prod", "--to", "r3")
    told.type("log", "--env", "prod")
    told.compare("rollback")


def test_canary(three: Desk) -> None:
    told = Transcript(three)
    told.type("deploy", "prod", "r1", "--canary", "10", "--dry-run")
    told.type("deploy", "prod", "r1", "--canary", "10", "--reason", "to try it")
    told.type("deploy", "prod", "r1", "--canary", "10")
    told.type("deploy", "prod", "r1", "--canary", "40")
    told.type("env", "show", "prod")
    told.type("env", "list")
    told.type("deploy", "prod", "r2")
    told.type("rollback", "prod")
    told.type("deploy", "prod", "r1", "--canary", "10")
    told.type("deploy", "prod", "--abort")
    told.type("deploy", "prod", "--abort")
    told.type("deploy", "prod", "r2", "--canary", "10")
    told.type("deploy", "prod", "--promote")
    told.type("env", "choose", "prod", "ada")
    told.type("log", "--env", "prod")
    told.compare("canary")


def test_undo(three: Desk) -> None:
    operation, other = "6f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10", "7f1c1e0a-9a34-4c52-8a5f-1f2f6f2a9b10"
    told = Transcript(three)
    told.type("deploy", "prod", "r1", "--operation", operation)
    told.type("undo", operation, "--dry-run")
    told.type("undo", "6f1c1e0a", "--operation", other)
    told.type("undo", operation)
    told.type("undo", other)
    told.type("undo", "00000000")
    told.type("hold", "r1", "--reason", "the auditors")
    told.type("hold", "r1", "--lift")
    told.type("hold", "r1", "--lift")
    told.type("log", "--env", "prod")
    told.compare("undo")


def test_env(three: Desk) -> None:
    three.tell("deploy", "staging", "r1", "--reason", "to try it")
    told = Transcript(three)
    told.type("env", "list")
    told.type("env", "show", "prod")
    told.type("env", "show", "staging")
    three.tell("mark", "bad", "r1", "--why", "it lies")
    told.note("r1 is marked bad")
    told.type("env", "show", "staging")
    told.compare("env")


def test_mark(three: Desk) -> None:
    told = Transcript(three)
    told.type("mark", "bad", "prod", "--why", "it cites nothing")
    told.type("deploy", "staging", "r3")
    told.type("mark", "good", "r3", "--why", "it was the retriever")
    told.type("deploy", "staging", "r3")
    told.compare("mark")


def test_tag(three: Desk) -> None:
    told = Transcript(three)
    told.type("tag", "prod", "v1.0")
    told.type("tag", "v1.0", "v1.0")
    told.type("tag", "r1", "v1.0")
    told.type("tag", "r1", "v1.0", "--move")
    told.type("tag", "r1", "prod")
    told.type("deploy", "v1.0", "r1")
    told.type("tag", "r1", "r7")
    told.type("tag", "r1", "latest")
    told.compare("tag")


def test_checkout(three: Desk) -> None:
    told = Transcript(three)
    told.type("checkout", "prod", "out")
    told.type("checkout", "prod", "out")
    told.type("checkout", "r1", "prompts-of-r1", "--component", "prompts")
    three.write("models/router.bin", bytes(range(256)) * 8_000)
    three.ask("commit")
    told.note("the weights grow, and r4 is committed")
    told.type("checkout", "r4", "first")
    told.type("checkout", "r4", "second", "--link")
    told.type("checkout", "r4", "third", "--verify")
    told.compare("checkout")


def test_verify(three: Desk) -> None:
    told = Transcript(three)
    told.type("verify")
    told.type("verify", "r1")
    pack = min((three.registry / "store" / "packs").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns)
    pack.write_bytes(pack.read_bytes()[:-20])
    told.note("the first pack is cut short")
    told.type("verify")
    told.compare("verify")


def test_gc(three: Desk) -> None:
    told = Transcript(three)
    told.type("gc")
    orphan = three.registry / "store" / "packs" / "ab" / f"ab{'0' * 62}.pack"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(bytes(123_456))
    told.note("a commit is killed after its pack was written")
    told.type("gc")
    told.type("gc", "--apply")
    told.type("gc", "--grace", "0s")
    told.type("gc", "--apply", "--grace", "0s")
    told.type("gc", "--apply", "--grace", "soon")
    told.compare("gc")


def test_case(three: Desk) -> None:
    three.write(
        "case.toml", 'incidents_per_year = 2\nsetup_hours = 24\n[[incidents]]\ntitle = "it cited nothing"\non = 2026-05-11\ncost = 18_000\n'
    )
    told = Transcript(three)
    told.type("case", "--input", "case.toml", "--html", "case.html")
    told.type("case", "--deploys-per-year", "12..50..200", "--reproduction-hours-saved-per-year", "0")
    told.type("case", "--incidents-per-year", "1", "--share-preventable", "0.3")
    told.type("case", "--setup-hours", "many")
    told.compare("case")


def test_errors(desk: Desk) -> None:
    told = Transcript(desk)
    for line in (
        ["comit"],
        ["deploy"],
        ["show", "r9"],
        ["show", "v1"],
        ["show", "prod@3y"],
        ["rollback", "prod"],
        ["deploy", "r1"],
        ["env", "show", "prod"],
        ["checkout", "r1", "prompts"],
        ["log", "--component", "promts"],
        ["mark", "bad", "r1"],
    ):
        told.type(*line)
    desk.write("lastgood.toml", 'pipeline = "bot"\n[components.prompts]\npaht = "../prompts"\nkind = "promt"\n')
    told.note("lastgood.toml gets slips of the keys")
    told.type("commit")
    told.type("rollback", "prod")
    told.compare("errors")
