"""A source, registered, looked at and imported in the browser, as the tests of its pages need it."""

import json

from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from curation import jobs
from curation.models import Run


def asked(n):
    return {"question": f"What is {n}?", "answer": str(n)}


def lines(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows).encode()


def url(name, *args):
    return reverse(name, args=["default", *args])


def file(data, name="quiz.jsonl"):
    return SimpleUploadedFile(name, data)


def register(client, data=None, name="quiz", **fields):
    if data is not None:
        fields["file"] = file(data, fields.pop("called", "quiz.jsonl"))
    return client.post(url("source-new"), {"name": name, **fields})


def looked(client, data=None, name="quiz", **fields):
    """Registered through the form, and looked at; the look."""
    answer = register(client, lines(*map(asked, range(30))) if data is None else data, name, **fields)
    assert answer.status_code == 302, answer.content.decode()
    run = Run.objects.filter(kind="look").order_by("-pk").first()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.error + run.traceback
    return run


def form(look, shape="question_answer", **said):
    fields = {"field-prompt": "question", "field-completion": "answer"} if shape == "question_answer" else {}
    return {"look": look.pk, "shape": shape, "drawn": shape, **fields, **said}


def imported(client, data=None, name="quiz", *, look=None, **said):
    look = look or looked(client, data, name)
    answer = client.post(url("source-import", name), form(look, **said))
    assert answer.status_code == 302, answer.content.decode()
    run = Run.objects.filter(kind="import").order_by("-pk").first()
    jobs.work(run.pk)
    run.refresh_from_db()
    assert run.status == "done", run.error + run.traceback
    return run


def text(client, name, *args, **query):
    answer = client.get(url(name, *args), query)
    assert answer.status_code == 200
    return answer.content.decode()
