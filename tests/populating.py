"""A small project that has one of everything, for tests that visit every address."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth import get_user_model

from curation import jobs
from curation.engine.exporting import ExportConfig
from curation.engine.llm import EndpointConfig
from curation.engine.mixing import parse
from curation.locations import from_shell
from curation.models import Check, Endpoint, Link, Membership, Project, Run, Source, Token
from curation.tasks.exporting import start_export
from curation.tasks.importing import start_import
from curation.tasks.looking import start_look
from curation.tasks.mixing import start_mix
from decontam.engine.apply import ApplyConfig
from decontam.engine.dedupe import DedupeConfig
from decontam.engine.rules import RuleConfig
from decontam.engine.scan import ScanConfig
from decontam.models import Rule, Ruling
from decontam.questions.reviews import at
from decontam.tasks.applying import start_apply
from decontam.tasks.deduplicating import start_dedupe
from decontam.tasks.scanning import start_scan

LEAKED = "how many legs does a healthy adult spider normally have in all"
ITEMS = [LEAKED, "what colour is an unripe tomato on the vine in early spring", "name a planet"]
CHATS = [
    f"So {LEAKED.upper()}? I forgot.",
    "how many legs does a chair have",
    "NAME a planet!",
    "tell me about tides",
]
NOBODY_THERE = "http://127.0.0.1:9/v1"
RECIPE = "name: first\nseed: 3\ncomponents:\n- dataset: chats-clean\n  fraction: 1.0\n"


@dataclass(frozen=True)
class Populated:
    """What the tests name in addresses."""

    project: Project
    run: Run
    scan: Run
    look: Run
    dedupe: Run
    check: Check
    rule: Rule
    record_id: str
    member: Membership
    token: Token
    secret: str
    endpoint: Endpoint
    link: Link


def finished(run: Run) -> Run:
    """The run, carried out here, and nothing that follows it."""
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.DONE, run.error + run.traceback
    return run


def ended(run: Run) -> Run:
    """The run, carried out here, with whatever followed it."""
    run = jobs.carry_out(run)
    assert run.status == Run.Status.DONE, run.error + run.traceback
    for later in Run.objects.active():
        jobs.carry_out(later)
    return run


def populate(project: Project, user, folder: Path, chats=CHATS, items=ITEMS) -> Populated:
    """A source, a benchmark, a scan with a ruling, what it left, a mixture and its export, a member and a token."""
    lines(folder / "chats.jsonl", [chat(text) for text in chats] + [{"messages": []}])
    lines(folder / "quiz.jsonl", [{"question": item} for item in items])
    for name, role in (("chats", Source.SplitRole.TRAIN), ("quiz", Source.SplitRole.EVAL)):
        extra = {"benchmark_role": Source.BenchmarkRole.DEV} if role == Source.SplitRole.EVAL else {}
        location = str(folder / f"{name}.jsonl")
        imported = ended(
            start_import(
                project, name, location=location, split_role=role, licence="cc0-1.0", user=user, **extra
            )
        )
    look = start_look(
        project, "chats", from_shell(str(folder / "chats.jsonl")), Source.SplitRole.TRAIN, user=user
    )
    ended(look)
    training = project.datasets.get(name="chats").newest()
    scan = ended(start_scan(training, [imported.output("records")], ScanConfig(), user=user))
    found = at(scan, 1)
    Ruling.objects.rule(scan, [found], Ruling.Verdict.CONTAMINATED, by=user, reason="word for word")
    ended(start_apply(scan, ApplyConfig(), user=user))
    dedupe = ended(
        start_dedupe(
            [training], DedupeConfig(key="prompt", shingle=1, threshold=0.3, allow_loss=True), user=user
        )
    )
    ended(start_mix(project, parse(RECIPE), user=user))
    exported = ended(
        start_export(project, "first", ExportConfig(profiles=["sft_messages"]), user=user)
    ).export
    member = Membership.objects.filter(project=project).order_by("pk").last()
    token, secret = Token.objects.issue(project, "laptop", ["read", "write"], days=30, by=user)
    judge = EndpointConfig("judge", NOBODY_THERE, "tiny", may_see_benchmark_text=True)
    endpoint = Endpoint.objects.add(project, judge, by=user)
    admin = get_user_model().objects.filter(is_superuser=True).first()
    link = Link.objects.make(exported, 7, by=member.user if member else admin or user)
    check = scan.checks.get()
    rule = Rule.objects.make(project, RuleConfig("phrase", "words that nobody wrote"), by=user)
    return Populated(
        project,
        scan,
        scan,
        look,
        dedupe,
        check,
        rule,
        found["record_id"],
        member,
        token,
        secret,
        endpoint,
        link,
    )


def chat(text: str) -> dict:
    return {
        "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": f"On {text[:40]}: gladly."},
        ]
    }


def lines(path: Path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)
