"""What goes wrong, as huggingface_hub understands it (`utils/_http.py`): a status, a code and a sentence."""

from dataclasses import dataclass

from django.http import JsonResponse


@dataclass(frozen=True, slots=True)
class Missing(Exception):
    """The answer to a question that has no other. `commit` lets a client remember that a file is not there."""

    sentence: str
    code: str = ""
    status: int = 404
    commit: str = ""

    def answer(self) -> JsonResponse:
        response = JsonResponse({"error": self.sentence}, status=self.status)
        response.headers["X-Error-Message"] = (
            " ".join(self.sentence.split()).encode("ascii", "replace").decode()
        )
        if self.code:
            response.headers["X-Error-Code"] = self.code
        if self.commit:
            response.headers["X-Repo-Commit"] = self.commit
        if self.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="Winnow"'
        return response


def no_repository(sentence: str, status: int = 404) -> Missing:
    return Missing(sentence, "RepoNotFound", status)


def no_revision(sentence: str) -> Missing:
    return Missing(sentence, "RevisionNotFound")


def no_entry(sentence: str, commit: str) -> Missing:
    return Missing(sentence, "EntryNotFound", commit=commit)
