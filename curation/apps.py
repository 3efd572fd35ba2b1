from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CurationConfig(AppConfig):
    name = "curation"

    def ready(self) -> None:
        """Every process that starts or executes runs knows the jobs of all apps, and pages what each has to say."""
        autodiscover_modules("tasks")
        autodiscover_modules("questions.waiting")
        autodiscover_modules("questions.telling")
